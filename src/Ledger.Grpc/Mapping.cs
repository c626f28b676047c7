using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Ledger.Core;
using Ledger.Grpc.Errors;

namespace Ledger.Grpc;

/// <summary>Between the messages of ledger.v1 and the types of the core, in both directions.</summary>
/// <remarks>
/// Reading returns a fault instead of throwing one, with the field named from the message that is read. An empty id,
/// address or asset of an item is not malformed: it becomes the default value, for which the ledger has a status.
/// </remarks>
internal static partial class Mapping
{
    private const int MicrosPerSecond = 1_000_000;
    private const int NanosPerMicro = 1_000;

    // What a Timestamp can say: the years 1 to 9999.
    private const long TimestampMicrosMin = -62_135_596_800_000_000;
    private const long TimestampMicrosMax = 253_402_300_799_999_999;

    /// <summary>Reads a transfer.</summary>
    public static bool TryRead(V1.Transfer? source, out Transfer transfer, out RequestError fault)
    {
        transfer = null!;
        if (source is null)
        {
            fault = new RequestError(ErrorReasons.TransferMissing, "The transfer is missing.");
            return false;
        }

        if (!TryReadId(source.Id, "id", out var id, out fault)
            || !TryReadAddress(source.DebitAccount, "debit_account", out var debit, out fault)
            || !TryReadAddress(source.CreditAccount, "credit_account", out var credit, out fault)
            || !TryReadKind(source.Kind, out var kind, out fault)
            || !TryReadAmount(source, kind, out var amount, out fault)
            || !TryReadAsset(source.Asset, out var asset, out fault)
            || !CheckReference(source.Reference, out fault)
            || !TryReadMetadata(source.Metadata, out var metadata, out fault)
            || !TryReadId(source.HoldId, "hold_id", out var hold, out fault)
            || !TryReadTimeout(source.Timeout, out var timeout, out fault)
            || !TryReadId(source.Reverses, "reverses", out var reverses, out fault)
            || !CheckReason(source.Reason, out fault)
            || !TryReadEffectiveTime(source.EffectiveTime, out var effective, out fault))
        {
            return false;
        }

        transfer = new Transfer(id, debit, credit, amount, source.Code)
        {
            Asset = asset,
            Reference = source.Reference,
            Metadata = metadata,
            Kind = kind,
            BalancingDebit = source.BalancingDebit,
            BalancingCredit = source.BalancingCredit,
            ClosingDebit = source.ClosingDebit,
            ClosingCredit = source.ClosingCredit,
            KeepRest = source.KeepRest,
            OpenAccounts = source.OpenAccounts,
            HoldId = hold,
            Timeout = timeout,
            Reverses = reverses,
            Reason = source.Reason,
            EffectiveTime = effective,
        };
        return true;
    }

    /// <summary>Reads what an account is opened with.</summary>
    public static bool TryRead(V1.AccountSpec source, out AccountSpec spec, out RequestError fault)
    {
        spec = null!;
        if (!TryReadAddress(source.Address, "address", out var address, out fault)
            || !TryReadAsset(source.Asset, out var asset, out fault)
            || !CheckReference(source.Reference, out fault)
            || !TryReadMetadata(source.Metadata, out var metadata, out fault)
            || !TryReadLimit(
                source.DebitsMustNotExceedCredits, "debits_must_not_exceed_credits", out var debits, out fault)
            || !TryReadLimit(
                source.CreditsMustNotExceedDebits, "credits_must_not_exceed_debits", out var credits, out fault))
        {
            return false;
        }

        spec = new AccountSpec(address, asset, source.Code)
        {
            Reference = source.Reference,
            Metadata = metadata,
            DebitsMustNotExceedCredits = debits,
            CreditsMustNotExceedDebits = credits,
            IsClosed = source.Closed,
        };
        return true;
    }

    /// <summary>Reads an id; an empty one is nil.</summary>
    public static bool TryReadId(string text, string field, out TransferId id, out RequestError fault)
    {
        fault = default;
        id = default;
        if (text.Length == 0 || TransferId.TryParse(text, out id))
        {
            return true;
        }

        fault = new RequestError(ErrorReasons.MalformedId, "The id is not a UUID in its canonical text form.", field);
        return false;
    }

    /// <summary>Reads an address; an empty one is none.</summary>
    public static bool TryReadAddress(string text, string field, out AccountAddress address, out RequestError fault)
    {
        fault = default;
        address = default;
        if (text.Length == 0 || AccountAddress.TryParse(text, out address))
        {
            return true;
        }

        fault = new RequestError(
            ErrorReasons.MalformedAddress,
            "An address is segments of A-Z, a-z, 0-9, '_' and '-', joined by ':', of at most 128 characters together.",
            field);
        return false;
    }

    /// <summary>Reads a time as the first moment that is not before it, in the ledger's resolution.</summary>
    public static bool TryReadTime(Timestamp source, string field, out LedgerTime time, out RequestError fault)
    {
        // The range of Timestamp: the years 1 to 9999.
        if (source.Seconds is < -62_135_596_800 or > 253_402_300_799 || source.Nanos is < 0 or > 999_999_999)
        {
            time = default;
            fault = new RequestError(ErrorReasons.MalformedTime, "The time is outside of the years 1 to 9999.", field);
            return false;
        }

        time = new LedgerTime(
            (source.Seconds * MicrosPerSecond) + ((source.Nanos + NanosPerMicro - 1) / NanosPerMicro));
        if (time.UnixMicroseconds > TimestampMicrosMax)
        {
            // It has been rounded up, and would come out as a moment of the year 10000, which no client can read.
            fault = new RequestError(
                ErrorReasons.MalformedTime,
                "The time is after 9999-12-31T23:59:59.999999Z, the last in whole microseconds.", field);
            return false;
        }

        fault = default;
        return true;
    }

    /// <summary>Reads an effective time. Refused when it can't be printed, judged after it is taken to whole
    /// microseconds.</summary>
    public static bool TryReadEffectiveTime(Timestamp? source, out LedgerTime? time, out RequestError fault)
    {
        const string Field = "effective_time";
        time = null;
        fault = default;
        if (source is null)
        {
            return true;
        }

        if (!TryReadTime(source, Field, out var read, out fault))
        {
            return false;
        }

        if (RequestRules.CheckEffectiveTime(read) is not null)
        {
            fault = new RequestError(
                ErrorReasons.MalformedTime,
                "The time is outside of the years 1 to 9999 once it has whole microseconds.", Field);
            return false;
        }

        time = read;
        return true;
    }

    /// <summary>Writes what became of a transfer.</summary>
    /// <param name="id">The id as the request gave it.</param>
    /// <param name="source">The result.</param>
    /// <param name="ledger">The ledger that it is of.</param>
    public static V1.TransferResult Write(string id, TransferResult source, ILedger ledger)
    {
        var result = new V1.TransferResult
        {
            Id = id,
            Status = (V1.TransferStatus)source.Status,
            Replayed = source.Replayed,
            Position = ledger.PositionOf(source.Position),
            DebitAfter = Write(source.DebitAfter),
            CreditAfter = Write(source.CreditAfter),
        };
        if (source.IsCommitted)
        {
            result.CreateTime = Write(source.CreateTime);
            result.Amount = source.Amount.ToString();
        }

        if (source.BalanceSeen is { } balances)
        {
            result.BalanceSeen = Write(balances);
        }

        return result;
    }

    /// <summary>Writes what became of the opening of an account.</summary>
    /// <param name="address">The address as the request gave it.</param>
    /// <param name="source">The result.</param>
    /// <param name="ledger">The ledger that it is of.</param>
    public static V1.OpenAccountResult Write(string address, OpenAccountResult source, ILedger ledger)
    {
        var result = new V1.OpenAccountResult
        {
            Address = address,
            Status = (V1.AccountStatus)source.Status,
            Position = ledger.PositionOf(source.Position),
        };
        if (source.Status is AccountStatus.Created or AccountStatus.Exists)
        {
            result.CreateTime = Write(source.CreateTime);
        }

        return result;
    }

    /// <summary>Writes an account.</summary>
    public static V1.Account Write(Account source)
    {
        var account = new V1.Account
        {
            Spec = Write(source.Spec),
            CreateTime = Write(source.CreateTime),
            AvailableDebits = source.AvailableDebits?.ToString() ?? "",
            AvailableCredits = source.AvailableCredits?.ToString() ?? "",
            EntryCount = source.EntryCount,
            Version = (ulong)source.Version,
            Closed = source.IsClosed,
            ClosedReason = source.ClosedReason,
            HoldCount = source.HoldCount,
        };
        if (source.Doubt is { } doubt)
        {
            account.Doubtful = Write(doubt, source.Balances);
        }
        else
        {
            account.Balances = Write(source.Balances);
            account.Balance = source.Balances.Balance.ToString();
        }

        if (source.Freeze is { } freeze)
        {
            account.Freeze = Write(freeze);
        }

        return account;
    }

    /// <summary>Writes a transfer as an account remembers it.</summary>
    public static V1.TransferRecord Write(TransferRecord source)
    {
        var record = new V1.TransferRecord
        {
            Transfer = Write(source.Transfer),
            Status = (V1.TransferStatus)source.Status,
            CreateTime = Write(source.CreateTime),
            TransactionId = Text(source.TransactionId),
            Principal = source.Principal,
        };
        if (source.Status == TransferStatus.Created)
        {
            record.Amount = source.Amount.ToString();
        }

        if (source.BalanceSeen is { } balances)
        {
            record.BalanceSeen = Write(balances);
        }

        if (source.Hold != HoldState.None)
        {
            record.Hold = WriteHold(source);
        }

        return record;
    }

    /// <summary>Writes a line of a statement.</summary>
    public static V1.Entry Write(StatementEntry source) => new()
    {
        Sequence = source.Sequence,
        BookTime = Write(source.BookTime),
        Transfer = Write(source.Transfer),
        CreateTime = Write(source.CreateTime),
        Direction = (V1.Direction)source.Direction,
        DebitsPosted = source.DebitsPosted.ToString(),
        CreditsPosted = source.CreditsPosted.ToString(),
        Balance = source.Balance.ToString(),
        Asset = source.Asset.Text ?? "",
    };

    private static V1.Transfer Write(Transfer source)
    {
        var transfer = new V1.Transfer
        {
            Id = source.Id.ToString(),
            DebitAccount = source.DebitAccount.Text ?? "",
            CreditAccount = source.CreditAccount.Text ?? "",
            Amount = WriteAmount(source),
            Asset = source.Asset.Text ?? "",
            Code = source.Code,
            Reference = source.Reference,
            Kind = (V1.TransferKind)source.Kind,
            HoldId = Text(source.HoldId),
            BalancingDebit = source.BalancingDebit,
            BalancingCredit = source.BalancingCredit,
            ClosingDebit = source.ClosingDebit,
            ClosingCredit = source.ClosingCredit,
            KeepRest = source.KeepRest,
            OpenAccounts = source.OpenAccounts,
            Reverses = Text(source.Reverses),
            Reason = source.Reason,
        };
        if (source.Timeout != TimeSpan.Zero)
        {
            transfer.Timeout = Duration.FromTimeSpan(source.Timeout);
        }

        if (source.EffectiveTime is { } effective)
        {
            transfer.EffectiveTime = Write(effective);
        }

        Write(source.Metadata, transfer.Metadata);
        return transfer;
    }

    private static V1.AccountSpec Write(AccountSpec source)
    {
        var spec = new V1.AccountSpec
        {
            Address = source.Address.Text,
            Asset = source.Asset.Text,
            Code = source.Code,
            Reference = source.Reference,
            DebitsMustNotExceedCredits = WriteLimit(source.DebitsMustNotExceedCredits),
            CreditsMustNotExceedDebits = WriteLimit(source.CreditsMustNotExceedDebits),
            Closed = source.IsClosed,
        };
        Write(source.Metadata, spec.Metadata);
        return spec;
    }

    private static V1.Limit? WriteLimit(Amount? allowance) =>
        allowance is { } amount ? new V1.Limit { Allowance = amount.ToString() } : null;

    private static V1.AccountState? Write(AccountAfter? source) => source is null
        ? null
        : new V1.AccountState
        {
            Address = source.Address.Text,
            Balances = Write(source.Balances),
            Version = (ulong)source.Version,
            EntrySequence = source.EntryCount,
            AvailableDebits = source.AvailableDebits?.ToString() ?? "",
            AvailableCredits = source.AvailableCredits?.ToString() ?? "",
        };

    private static V1.Balances Write(in Balances source) => new()
    {
        DebitsPending = source.DebitsPending.ToString(),
        DebitsPosted = source.DebitsPosted.ToString(),
        CreditsPending = source.CreditsPending.ToString(),
        CreditsPosted = source.CreditsPosted.ToString(),
        DebitsInDoubt = source.DebitsInDoubt.ToString(),
        CreditsInDoubt = source.CreditsInDoubt.ToString(),
    };

    public static Timestamp Write(LedgerTime time)
    {
        // Never out of the range of Timestamp, whatever is stored: one field that can't be read makes the whole answer
        // unreadable.
        var within = Math.Clamp(time.UnixMicroseconds, TimestampMicrosMin, TimestampMicrosMax);

        // Floored, since the nanoseconds of a Timestamp count forward from its seconds even before 1970.
        var (seconds, micros) = Math.DivRem(within, MicrosPerSecond);
        return micros < 0
            ? new Timestamp { Seconds = seconds - 1, Nanos = (int)(micros + MicrosPerSecond) * NanosPerMicro }
            : new Timestamp { Seconds = seconds, Nanos = (int)micros * NanosPerMicro };
    }

    private static void Write(Metadata source, MapField<string, string> destination)
    {
        foreach (var (key, value) in source.Pairs)
        {
            destination.Add(key, value);
        }
    }

    public static bool TryReadAmount(string text, string field, out Amount amount, out RequestError fault)
    {
        fault = default;
        switch (Amount.TryParse(text, out amount))
        {
            case AmountError.None:
                return true;
            case AmountError.Negative:
                fault = new RequestError(ErrorReasons.AmountNegative, "An amount is never negative.", field);
                return false;
            case AmountError.TooLarge:
                fault = new RequestError(ErrorReasons.AmountTooLarge, "The amount exceeds 2^128-1.", field);
                return false;
            default:
                fault = new RequestError(
                    ErrorReasons.AmountNotANumber,
                    "An amount is a decimal integer in minor units, without sign, point or leading zeros.", field);
                return false;
        }
    }

    private static bool TryReadAsset(string text, out Asset asset, out RequestError fault)
    {
        fault = default;
        asset = default;
        if (text.Length == 0 || Asset.TryParse(text, out asset))
        {
            return true;
        }

        fault = new RequestError(
            ErrorReasons.MalformedAsset, "An asset is a code and a number of decimal places, such as USD/2.", "asset");
        return false;
    }

    public static bool TryReadLimit(V1.Limit? source, string field, out Amount? allowance, out RequestError fault)
    {
        fault = default;
        allowance = null;
        if (source is null)
        {
            return true;
        }

        if (source.Allowance.Length == 0)
        {
            allowance = Amount.Zero;
            return true;
        }

        if (!TryReadAmount(source.Allowance, "allowance", out var amount, out fault))
        {
            fault = fault.Within(field);
            return false;
        }

        allowance = amount;
        return true;
    }

    public static bool CheckReference(string reference, out RequestError fault)
    {
        // What is not well-formed is told by the ledger.
        var problem = RequestRules.CheckReference(reference);
        var isTooLong = problem is { Kind: RequestProblemKind.ReferenceTooLong };
        fault = isTooLong ? ErrorMap.Of(problem!) : default;
        return !isTooLong;
    }

    private static bool TryReadMetadata(MapField<string, string> source, out Metadata metadata, out RequestError fault)
    {
        fault = default;
        metadata = Metadata.Empty;
        if (source.Count == 0)
        {
            return true;
        }

        // Too many are refused before they are sorted.
        var problem = RequestRules.CheckMetadataCount(source.Count);
        if (problem is null)
        {
            metadata = Metadata.Of(source);
            problem = RequestRules.CheckMetadata(metadata);
        }

        fault = problem is null ? default : ErrorMap.Of(problem);
        return problem is null;
    }
}
