using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using Ledger.Core;
using Ledger.Grpc.Errors;
using Ledger.Grpc.Services;

namespace Ledger.Grpc;

/// <summary>Kinds of transfers, holds, transactions, and changes of accounts.</summary>
internal static partial class Mapping
{
    /// <summary>Reads a transaction. Transfers without an id get the one that follows from the transaction's.</summary>
    public static bool TryRead(V1.Transaction? source, out Transaction transaction, out RequestError fault)
    {
        transaction = null!;
        if (source is null)
        {
            fault = new RequestError(ErrorReasons.TransactionMissing, "The transaction is missing.");
            return false;
        }

        if (!TryReadId(source.Id, "id", out var id, out fault)
            || !BatchLimits.IsCount(source.Legs.Count, "legs", out fault))
        {
            return false;
        }

        var legs = ImmutableArray.CreateBuilder<TransactionLeg>(source.Legs.Count);
        for (var i = 0; i < source.Legs.Count; i++)
        {
            var leg = source.Legs[i];
            if (!TryReadStep(leg.Transfer, leg.Opening, out var step, out fault)
                || !CheckAsset(step, source.Legs.Count, out fault))
            {
                fault = fault.Within($"legs[{i}]");
                return false;
            }

            // A nil id of the transaction is for the ledger to refuse; nothing follows from it.
            legs.Add(step.Transfer is { Id.IsNil: true } transfer && !id.IsNil
                ? TransactionLeg.Of(transfer with { Id = Transaction.LegId(id, i) })
                : step);
        }

        transaction = new Transaction(id, legs.MoveToImmutable());
        return true;
    }

    /// <summary>Reads an item of a batch.</summary>
    public static bool TryRead(V1.BatchItem source, out BatchItem item, out RequestError fault)
    {
        item = null!;
        if (!TryReadStep(source.Transfer, source.Opening, out var step, out fault))
        {
            return false;
        }

        item = new BatchItem(step, source.Linked);
        return true;
    }

    /// <summary>Reads which movements an account is to refuse.</summary>
    public static bool TryRead(V1.AccountFreeze? source, out AccountFreeze freeze, out RequestError fault)
    {
        freeze = null!;
        if (source is null || !(source.Debits || source.Credits))
        {
            fault = new RequestError(ErrorReasons.FreezeMissing, "A freeze is of debits, of credits, or of both.");
            return false;
        }

        LedgerTime? end = null;
        if (!CheckReason(source.Reason, out fault))
        {
            return false;
        }

        if (source.EndTime is { } given)
        {
            if (!TryReadTime(given, "end_time", out var time, out fault))
            {
                return false;
            }

            end = time;
        }

        freeze = new AccountFreeze(source.Debits, source.Credits, source.Reason, end);
        return true;
    }

    public static bool CheckReason(string reason, out RequestError fault)
    {
        // What is not well-formed is told by the ledger.
        var problem = RequestRules.CheckReason(reason);
        var isTooLong = problem is { Kind: RequestProblemKind.ReasonTooLong };
        fault = isTooLong ? ErrorMap.Of(problem!) : default;
        return !isTooLong;
    }

    /// <summary>Writes what became of a transaction.</summary>
    /// <param name="id">The id as the request gave it.</param>
    /// <param name="source">The result.</param>
    /// <param name="ledger">The ledger that it is of; null for a record, which tells no position.</param>
    /// <param name="transaction">The transaction, where the request named its legs.</param>
    public static V1.TransactionResult Write(
        string id, TransactionResult source, ILedger? ledger, Transaction? transaction = null)
    {
        var result = new V1.TransactionResult
        {
            Id = id,
            Status = (V1.TransferStatus)source.Status,
            Replayed = source.Replayed,
            Position = ledger?.PositionOf(source.Position) ?? "",
            Legs = { Capacity = source.Legs.IsDefault ? 0 : source.Legs.Length },
        };
        if (source.FailedLeg >= 0)
        {
            // A leg whose transfer exists already fails a transaction with a status that elsewhere means success.
            result.FailedLeg = source.FailedLeg;
        }
        else if (source.IsCommitted)
        {
            result.CreateTime = Write(source.CreateTime);
        }

        if (source.BalanceSeen is { } balances)
        {
            result.BalanceSeen = Write(balances);
        }

        foreach (var after in source.After)
        {
            result.AccountsAfter.Add(Write(after));
        }

        for (var i = 0; i < (source.Legs.IsDefault ? 0 : source.Legs.Length); i++)
        {
            result.Legs.Add(Write(source.Legs[i], transaction is not null && i < transaction.Legs.Length
                ? transaction.Legs[i].Transfer?.Id ?? default
                : default));
        }

        return result;
    }

    /// <summary>Writes a transaction as its coordinator remembers it.</summary>
    public static V1.TransactionRecord Write(TransactionRecord source)
    {
        var transaction = new V1.Transaction
        {
            Id = source.Transaction.Id.ToString(),
            Legs = { Capacity = source.Transaction.Legs.Length },
        };
        foreach (var leg in source.Transaction.Legs)
        {
            transaction.Legs.Add(leg.Transfer is { } transfer
                ? new V1.TransactionLeg { Transfer = Write(transfer) }
                : new V1.TransactionLeg
                {
                    Opening = new V1.AccountOpening { Spec = Write(leg.Opening!), IfMissing = leg.IfMissing },
                });
        }

        return new V1.TransactionRecord
        {
            Transaction = transaction,
            Result = Write(transaction.Id, source.Result, ledger: null, source.Transaction),
            Abridged = source.IsAbridged,
            Principal = source.Principal,
        };
    }

    /// <summary>Writes what became of an item of a batch.</summary>
    /// <param name="item">The item as the request gave it.</param>
    /// <param name="source">The result.</param>
    /// <param name="ledger">The ledger that it is of.</param>
    public static V1.BatchItemResult Write(V1.BatchItem item, BatchItemResult source, ILedger ledger) => source switch
    {
        { Transfer: { } transfer } when item.Transfer is { } asked =>
            new V1.BatchItemResult { Transfer = Write(asked.Id, transfer, ledger) },
        { Opening: { } opening } when item.Opening is { } asked =>
            new V1.BatchItemResult { Opening = Write(asked.Spec.Address, opening, ledger) },
        _ =>
            throw new InvalidOperationException(
                "The ledger answered an item of a batch with the result of another kind."),
    };

    /// <summary>Writes what became of the change of an account.</summary>
    /// <param name="address">The address as the request gave it.</param>
    /// <param name="source">The result.</param>
    /// <param name="ledger">The ledger that it is of.</param>
    public static V1.AccountChangeResult Write(string address, AccountChangeResult source, ILedger ledger)
    {
        var result = new V1.AccountChangeResult
        {
            Address = address,
            Status = (V1.AccountStatus)source.Status,
            Position = ledger.PositionOf(source.Position),
        };
        if (source.Account is { } account)
        {
            result.Account = Write(account);
        }

        return result;
    }

    /// <summary>Writes what became of the extension of a hold.</summary>
    /// <param name="holdId">The id as the request gave it.</param>
    /// <param name="source">The result.</param>
    /// <param name="ledger">The ledger that it is of.</param>
    public static V1.ExtendHoldResult Write(string holdId, ExtendHoldResult source, ILedger ledger)
    {
        var result = new V1.ExtendHoldResult
        {
            HoldId = holdId,
            Status = (V1.TransferStatus)source.Status,
            Position = ledger.PositionOf(source.Position),
        };
        if (source.Deadline is { } deadline)
        {
            result.ExpireTime = Write(deadline);
        }

        return result;
    }

    private static bool TryReadStep(
        V1.Transfer? transfer, V1.AccountOpening? opening, out TransactionLeg step, out RequestError fault)
    {
        step = null!;
        if (transfer is not null)
        {
            if (!TryRead(transfer, out var read, out fault))
            {
                fault = fault.Within("transfer");
                return false;
            }

            step = TransactionLeg.Of(read);
            return true;
        }

        if (opening?.Spec is null)
        {
            fault = opening is null
                ? new RequestError(ErrorReasons.StepMissing, "There is neither a transfer nor an opening.")
                : new RequestError(
                    ErrorReasons.StepMissing, "What the account is opened with is missing.", "opening.spec");
            return false;
        }

        if (!TryRead(opening.Spec, out AccountSpec spec, out fault))
        {
            fault = fault.Within("opening.spec");
            return false;
        }

        step = TransactionLeg.Open(spec, opening.IfMissing);
        return true;
    }

    private static bool CheckAsset(TransactionLeg step, int count, out RequestError fault)
    {
        fault = default;
        if (count == 1 || step.Transfer is not { Asset.IsNone: true, ResolvesHold: false })
        {
            return true;
        }

        fault = new RequestError(
            ErrorReasons.AssetMissing, "In a transaction of several legs each transfer names its asset.",
            "transfer.asset");
        return false;
    }

    // The numbers are the same, but for what only the ledger itself makes.
    private static bool TryReadKind(V1.TransferKind source, out TransferKind kind, out RequestError fault)
    {
        fault = default;
        kind = (TransferKind)source;
        if (source == V1.TransferKind.ExpireHold)
        {
            fault = new RequestError(ErrorReasons.KindReserved, "Only the ledger expires holds.", "kind");
            return false;
        }

        if (kind is TransferKind.Direct or TransferKind.Hold or TransferKind.PostHold or TransferKind.VoidHold)
        {
            return true;
        }

        fault = new RequestError(
            ErrorReasons.UnknownKind, $"There is no kind of transfer with the number {(int)source}.", "kind");
        return false;
    }

    // What an empty amount means depends on the kind; for a plain transfer or a hold it is a mistake.
    private static bool TryReadAmount(
        V1.Transfer source, TransferKind kind, out Amount amount, out RequestError fault)
    {
        fault = default;
        if (source.Amount.Length > 0)
        {
            return TryReadAmount(source.Amount, "amount", out amount, out fault);
        }

        if (kind == TransferKind.PostHold || source.BalancingDebit || source.BalancingCredit)
        {
            amount = Amount.MaxValue;
            return true;
        }

        if (kind == TransferKind.VoidHold)
        {
            amount = Amount.Zero;
            return true;
        }

        return TryReadAmount(source.Amount, "amount", out amount, out fault);
    }

    private static string WriteAmount(Transfer source) =>
        source.Amount == Amount.MaxValue && (source.IsBalancing || source.Kind == TransferKind.PostHold)
            ? ""
            : source.Amount.ToString();

    private static bool TryReadTimeout(Duration? source, out TimeSpan timeout, out RequestError fault)
    {
        fault = default;
        timeout = TimeSpan.Zero;
        if (source is null)
        {
            return true;
        }

        // The range of Duration: 10,000 years. Its two parts have the same sign.
        if (source.Seconds is < -315_576_000_000 or > 315_576_000_000
            || source.Nanos is < -999_999_999 or > 999_999_999
            || (source.Seconds < 0 && source.Nanos > 0) || (source.Seconds > 0 && source.Nanos < 0))
        {
            fault = new RequestError(ErrorReasons.MalformedTimeout, "The timeout is no length of time.", "timeout");
            return false;
        }

        if (source.Seconds < 0 || source.Nanos < 0)
        {
            fault = new RequestError(ErrorReasons.TimeoutNegative, "A timeout is never negative.", "timeout");
            return false;
        }

        if (source.Nanos % NanosPerMicro != 0)
        {
            fault = new RequestError(ErrorReasons.TimeoutTooFine, "A timeout has whole microseconds.", "timeout");
            return false;
        }

        timeout = source.ToTimeSpan();
        return true;
    }

    private static V1.LegResult Write(LegResult source, TransferId id)
    {
        var result = new V1.LegResult
        {
            TransferId = Text(id),
            TransferStatus = (V1.TransferStatus)source.Transfer,
            AccountStatus = (V1.AccountStatus)source.Opening,
        };
        if (source.Transfer is TransferStatus.Created or TransferStatus.Exists)
        {
            result.Amount = source.Amount.ToString();
        }

        return result;
    }

    private static V1.Hold WriteHold(TransferRecord source)
    {
        var hold = new V1.Hold { State = (V1.HoldState)source.Hold };
        if (source.Hold == HoldState.Live)
        {
            hold.Remaining = source.HoldRemaining.ToString();
        }

        if (source.HoldDeadline is { } deadline)
        {
            hold.ExpireTime = Write(deadline);
        }

        return hold;
    }

    private static V1.AccountFreeze Write(AccountFreeze source)
    {
        var freeze = new V1.AccountFreeze { Debits = source.Debits, Credits = source.Credits, Reason = source.Reason };
        if (source.EndTime is { } until)
        {
            freeze.EndTime = Write(until);
        }

        return freeze;
    }

    private static string Text(TransferId id) => id.IsNil ? "" : id.ToString();
}
