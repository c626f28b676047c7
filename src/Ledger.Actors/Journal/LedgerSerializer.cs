using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Event;
using Akka.Serialization;
using Google.Protobuf;
using Ledger.Actors.Accounts;
using Ledger.Actors.Storage;
using Ledger.Core;
using Ledger.Journal.V1;

namespace Ledger.Actors.Journal;

/// <summary>Stored rows and what actors exchange, as ledger.journal.v1. Manifests are stored: short, and never
/// changed.</summary>
internal sealed class LedgerSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    public const string RowManifest = "b1";

    /// <summary>A row that holds facts for the hold index: the index reads these and skips the others.</summary>
    public const string HoldRowManifest = "b1h";

    /// <summary>A snapshot with packed ids and a check. A version that knows only the other one leaves it out and
    /// replays the journal.</summary>
    public const string SnapshotManifest = "s2";
    private const string UnpackedSnapshotManifest = "s1";
    private const string EnvelopeManifest = "m1";
    private const string AnswerManifest = "a1";
    private const string StopManifest = "x1";

    public static readonly Type[] BoundTypes =
    [
        typeof(JournalRow), typeof(SnapshotRow), typeof(AccountEnvelope), typeof(ResponseEnvelope), typeof(StopAccount),
        typeof(AheadRequest),
    ];

    private long refusedMessages;
    private DatabaseMark? lastMark;

    /// <summary>How many messages were larger than what nodes send each other, or not for other nodes, and so were not
    /// sent.</summary>
    public long RefusedMessages => Interlocked.Read(ref refusedMessages);

    // Stored beside every row: never change it.
    public override int Identifier => 8140;

    public override string Manifest(object o) => o switch
    {
        JournalRow row => row.HasWork ? HoldRowManifest : RowManifest,
        SnapshotRow => SnapshotManifest,
        AccountEnvelope => EnvelopeManifest,
        ResponseEnvelope => AnswerManifest,
        StopAccount => StopManifest,
        AheadRequest ahead => throw Refuse(ahead),
        _ => throw new ArgumentException($"{o.GetType().Name} is not a message of the ledger.", nameof(o)),
    };

    public override byte[] ToBinary(object obj) => obj switch
    {
        JournalRow row => ToArray(row.Bytes),
        SnapshotRow row => ToArray(row.Bytes),
        AccountEnvelope envelope => ToSend(envelope),
        ResponseEnvelope answer => ToSend(answer),
        StopAccount => [],
        AheadRequest ahead => throw Refuse(ahead),
        _ => throw new ArgumentException($"{obj.GetType().Name} is not a message of the ledger.", nameof(obj)),
    };

    public override object FromBinary(byte[] bytes, string manifest) => manifest switch
    {
        RowManifest => new JournalRow(bytes),
        HoldRowManifest => new JournalRow(bytes, HasWork: true),
        // Read here although the account is not known yet: what is wrong with the bytes must be found while the
        // snapshot may still be left out.
        SnapshotManifest => new SnapshotRow(bytes, JournalCodec.ReadSnapshot(bytes, isPacked: true)),
        UnpackedSnapshotManifest => new SnapshotRow(bytes, JournalCodec.ReadSnapshot(bytes, isPacked: false)),
        EnvelopeManifest => FromWire(WireEnvelope.Parser.ParseFrom(bytes)),
        AnswerManifest => FromWire(WireResponse.Parser.ParseFrom(bytes)),
        StopManifest => StopAccount.Instance,
        _ => throw new JournalCorruptException($"Unknown manifest '{manifest}'."),
    };

    // G8. Without its ticket it would be taken for one whose row is durable.
    private SerializationException Refuse(AheadRequest request)
    {
        request.Follower.End();
        Interlocked.Increment(ref refusedMessages);
        var what =
            $"{request.Envelope.Message.GetType().Name} to {request.Envelope.Account} has left ahead of its row, "
            + "which is for accounts of the same node only. It is not sent; the sender asks again. Report it";
        system.Log.Error(what);
        return new SerializationException(what);
    }

    // A frame that is too large is dropped by the transport, and nobody who waits is told (R17). What the limits on
    // requests and transactions let through is far smaller; this is for what they forget.
    private byte[] ToSend(AccountEnvelope envelope)
    {
        var bytes = ToWire(envelope).ToByteArray();
        if (bytes.Length <= LedgerSizes.MessageMax)
        {
            return bytes;
        }

        var what = envelope.Message.GetType().Name;
        Refused(what, bytes.Length, $"account {envelope.Account}");
        if (envelope.Message is AccountRequest call)
        {
            Responses.Send(
                call.ReplyTo,
                new RequestFailed(RequestFailure.MessageTooLarge) { Size = bytes.Length,
                    Limit = LedgerSizes.MessageMax });
        }

        throw new SerializationException(
            $"{what} to {envelope.Account} has {bytes.Length} bytes; nodes send each other {LedgerSizes.MessageMax} "
                + "at most.");
    }

    private byte[] ToSend(ResponseEnvelope envelope)
    {
        var bytes = ToWire(envelope).ToByteArray();
        if (bytes.Length <= LedgerSizes.MessageMax)
        {
            return bytes;
        }

        // Who waits must learn of it, so this goes instead.
        Refused(envelope.Answer.GetType().Name, bytes.Length, "the node that asked");
        return ToWire(envelope with
        {
            Answer =
                new RequestFailed(RequestFailure.AnswerTooLarge) { Size = bytes.Length,
                    Limit = LedgerSizes.MessageMax },
        }).ToByteArray();
    }

    private void Refused(string what, int size, string to)
    {
        var count = Interlocked.Increment(ref refusedMessages);
        system.Log.Error(
            "{Message} to {Receiver} has {Size} bytes and is not sent: nodes send each other {Limit} at most. That is "
            + "{Count} so far. No request that is within the limits leads here: report it",
            what, to, size, LedgerSizes.MessageMax, count);
    }

    // Rows are arrays of their own from the start; copying them would double the work of the hottest path.
    private static byte[] ToArray(ReadOnlyMemory<byte> bytes) =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(bytes, out var segment)
        && segment.Offset == 0 && segment.Array!.Length == segment.Count
            ? segment.Array
            : bytes.ToArray();

    private static ulong High(UInt128 value) => JournalCodec.High(value);

    private static ulong Low(UInt128 value) => JournalCodec.Low(value);

    private static WireEnvelope ToWire(AccountEnvelope envelope)
    {
        var wire = new WireEnvelope { Account = envelope.Account.Text };
        if (envelope.Mark is { } mark)
        {
            (wire.Epoch, wire.Server) = (mark.Epoch, mark.Server);
        }

        switch (envelope.Message)
        {
            case AccountRequest call:
                wire.Call = ToWire(call);
                break;
            case PrepareRequest prepare:
                wire.Prepare = ToWire(prepare.Branch, prepare.Time);
                break;
            case Vote vote:
                wire.Vote = new WireVote
                {
                    Key = JournalCodec.ToStored(vote.Key.Value),
                    Digest = JournalCodec.ToStored(vote.Digest),
                    Account = vote.Account.Text,
                    Kind = (uint)vote.Kind,
                    Refusal = ToWire(vote.Refusal),
                    Time = vote.Time.UnixMicroseconds,
                };
                break;
            case CommitRequest { Cancel: false } close:
                wire.CommitRequest = ToWire(close.Branch, close.Time);
                wire.CommitRequest.ReturnBalances = close.ReturnBalances;
                break;
            case CommitRequest cancel:
                wire.Cancel = ToWire(cancel.Branch, cancel.Time);
                wire.Cancel.ReturnBalances = cancel.ReturnBalances;
                wire.Cancel.Verdict = ToWire(cancel.Verdict);
                break;
            case CommitResponse answer:
                wire.CommitResponse = ToWire(answer);
                break;
            case DryRunRequest dryRun:
                wire.DryRunRequest = new WireDryRunRequest { Part = ToWire(dryRun.Branch), Round = dryRun.Round };
                break;
            case DryRunResponse answer:
                wire.DryRunResponse = ToWire(answer);
                break;
            case Outcome outcome:
                wire.Outcome = new WireOutcome
                {
                    Key = JournalCodec.ToStored(outcome.Key.Value),
                    Digest = JournalCodec.ToStored(outcome.Digest),
                    Committed = outcome.Committed,
                    Time = outcome.Time.UnixMicroseconds,
                    Coordinator = outcome.Coordinator.Text,
                    ReturnBalances = outcome.ReturnBalances,
                };
                break;
            case OutcomeAck ack:
                wire.OutcomeAck = new WireOutcomeAck
                {
                    Key = JournalCodec.ToStored(ack.Key.Value),
                    Digest = JournalCodec.ToStored(ack.Digest),
                    Account = ack.Account.Text,
                    After = ToWire(ack.After),
                };
                break;
            case OutcomeRequest asked:
                wire.OutcomeRequest =
                    new WireOutcomeRequest { Part = ToWire(asked.Branch), Account = asked.Account.Text };
                break;
            case Activate:
                wire.Activate = new WireActivate();
                break;
            default:
                throw new ArgumentException($"{envelope.Message.GetType().Name} has no wire form.", nameof(envelope));
        }

        return wire;
    }

    private static WireBranch ToWire(TransactionBranch part, LedgerTime time = default)
    {
        var wire = new WireBranch
        {
            Transaction = JournalCodec.ToStoredTransaction(part), CoordinatorAsset = part.CoordinatorAsset.Text,
            Principal = part.Principal,
            Time = time.UnixMicroseconds,
        };
        JournalCodec.AddLegs(wire.Legs, part, account: default);
        return wire;
    }

    private static TransactionBranch FromWire(WireBranch wire) =>
        JournalCodec.PartOf(wire.Legs, wire.Transaction, own: default, sequenceNr: 0, wire.Principal) with
        {
            CoordinatorAsset = JournalCodec.AssetOf(wire.CoordinatorAsset),
        };

    private static WireCommitResponse ToWire(CommitResponse answer) => new()
    {
        Key = JournalCodec.ToStored(answer.Key.Value),
        Digest = JournalCodec.ToStored(answer.Digest),
        Committed = answer.Committed,
        Time = answer.Time.UnixMicroseconds,
        Refusal = ToWire(answer.Refusal),
        Row = answer.Row,
        After = ToWire(answer.After),
    };

    private static CommitResponse FromWire(WireCommitResponse wire) => new(
        Id(wire.Key), JournalCodec.Id128(wire.Digest), wire.Committed, new LedgerTime(wire.Time),
        FromWire(wire.Refusal))
    {
        Row = wire.Row,
        After = FromWire(wire.After),
    };

    private static WireVerdict? ToWire(OperatorVerdict? verdict) =>
        verdict is null ? null : new WireVerdict { By = verdict.By, Reason = verdict.Reason };

    private static OperatorVerdict? FromWire(WireVerdict? wire) =>
        wire is null ? null : new OperatorVerdict(wire.By, wire.Reason);

    private static ResolveInDoubtRequest FromWire(WireResolveInDoubt wire, ReplyTarget caller, LedgerTime deadline) =>
        new(
        Id(wire.Id), FromWire(wire.Verdict) ?? new OperatorVerdict("", ""), caller, deadline)
    {
        Digest = wire.Digest is null ? UInt128.Zero : JournalCodec.Id128(wire.Digest),
        Found = wire.Found is null ? null : FromWire(wire.Found),
    };

    private static WireRefusal? ToWire(Refusal? refusal) => refusal is null
        ? null
        : new WireRefusal
        {
            Leg = (uint)refusal.Leg,
            Reason = (uint)refusal.Reason,
            Asset = refusal.Asset.Text,
            Seen = JournalCodec.ToStored(refusal.Seen),
        };

    private static Refusal? FromWire(WireRefusal? wire) => wire is null
        ? null
        : new Refusal(
            (int)wire.Leg, (TransferStatus)wire.Reason, JournalCodec.AssetOf(wire.Asset),
            JournalCodec.FromStored(wire.Seen));

    private static WireDryRunResponse ToWire(DryRunResponse answer)
    {
        var report = answer.Report;
        var wire = new WireDryRunResponse
        {
            Id = JournalCodec.ToStored(answer.Id.Value),
            Round = answer.Round,
            Account = report.Account.Text,
            Spec = report.Spec is null ? null : JournalCodec.ToStored(report.Spec),
            OpenedWith = report.OpenedWith is null || report.OpenedWith == report.Spec
            ? null
            : JournalCodec.ToStored(report.OpenedWith),
            Closed = report.Closed,
            ClosedByHold = report.ClosedByHold,
            Freeze = JournalCodec.ToStored(report.Freeze),
            Balances = JournalCodec.ToStored(report.Balances),
            DebitLoad = JournalCodec.ToStored((Amount?)report.Load.DebitsAtMost),
            CreditLoad = JournalCodec.ToStored((Amount?)report.Load.CreditsAtMost),
            InDoubt = report.InDoubt,
            DebitFavour = report.DebitFavour.IsZero ? null : JournalCodec.ToStored((Amount?)report.DebitFavour),
            CreditFavour = report.CreditFavour.IsZero ? null : JournalCodec.ToStored((Amount?)report.CreditFavour),
        };
        foreach (var fact in report.Facts)
        {
            wire.Facts.Add(new WireLegContext
            {
                Index = (uint)fact.Index,
                Known = (uint)fact.Known,
                InDoubt = fact.InDoubt,
                HoldProblem = (uint)fact.HoldProblem,
                Pending = fact.Pending is null ? null : JournalCodec.ToStored(fact.Pending),
                Remaining = JournalCodec.ToStored((Amount?)fact.Remaining),
                Deadline = fact.Deadline.UnixMicroseconds,
                ReversalProblem = (uint)fact.ReversalProblem,
                Reversible = JournalCodec.ToStored((Amount?)fact.Reversible),
            });
        }

        return wire;
    }

    private static DryRunResponse FromWire(WireDryRunResponse wire)
    {
        var account = JournalCodec.AddressOf(wire.Account);
        return new DryRunResponse(Id(wire.Id), wire.Round, new AccountReport(
            account, wire.Spec is null ? null : JournalCodec.FromStored(wire.Spec, account), wire.Closed,
            JournalCodec.FromStored(wire.Freeze), JournalCodec.FromStored(wire.Balances) ?? default,
            new InDoubtLoad(
                JournalCodec.AmountOf(wire.DebitLoad) ?? default, JournalCodec.AmountOf(wire.CreditLoad) ?? default),
            wire.InDoubt,
            [.. wire.Facts.Select(static fact => new LegContext((int)fact.Index)
            {
                Known = (TransferStatus)fact.Known,
                InDoubt = fact.InDoubt,
                HoldProblem = (TransferStatus)fact.HoldProblem,
                Pending = fact.Pending is null ? null : JournalCodec.FromStored(fact.Pending, default),
                Remaining = JournalCodec.AmountOf(fact.Remaining) ?? default,
                Deadline = new LedgerTime(fact.Deadline),
                ReversalProblem = (TransferStatus)fact.ReversalProblem,
                Reversible = JournalCodec.AmountOf(fact.Reversible) ?? default,
            })])
        {
            ClosedByHold = wire.ClosedByHold,
            DebitFavour = JournalCodec.AmountOf(wire.DebitFavour) ?? default,
            CreditFavour = JournalCodec.AmountOf(wire.CreditFavour) ?? default,
            OpenedWith = (wire.OpenedWith ?? wire.Spec) is { } openedWith
            ? JournalCodec.FromStored(openedWith, account)
            : null,
        });
    }

    private static TransferId Id(StoredId stored) => new(JournalCodec.Id128(stored));

    private static WireTransaction ToWire(Transaction transaction, bool dryRun)
    {
        var wire = new WireTransaction { Id = JournalCodec.ToStored(transaction.Id.Value), DryRun = dryRun };
        foreach (var leg in transaction.Legs)
        {
            wire.Legs.Add(leg.Transfer is { } transfer
                ? JournalCodec.ToStored(transfer)
                : new StoredTransfer
                {
                    DebitAccount = leg.Opening!.Address.Text,
                    Opening = JournalCodec.ToStored(leg.Opening),
                    IfMissing = leg.IfMissing,
                });
        }

        return wire;
    }

    private static Transaction FromWire(WireTransaction wire) => new(
        Id(wire.Id),
        [.. wire.Legs.Select(static leg => leg.Opening is { } opening
            ? TransactionLeg.Open(
                JournalCodec.FromStored(opening, JournalCodec.AddressOf(leg.DebitAccount)), leg.IfMissing)
            : TransactionLeg.Of(JournalCodec.FromStored(leg, default)))]);

    private static WireAccountAfter? ToWire(AccountAfter? after) => after is null
        ? null
        : new WireAccountAfter
        {
            Address = after.Address.Text,
            Balances = JournalCodec.ToStored(after.Balances),
            Version = after.Version,
            EntryCount = after.EntryCount,
            AvailableDebits = JournalCodec.ToStored(after.AvailableDebits),
            AvailableCredits = JournalCodec.ToStored(after.AvailableCredits),
        };

    private static AccountAfter? FromWire(WireAccountAfter? wire) => wire is null
        ? null
        : new AccountAfter(
            JournalCodec.AddressOf(wire.Address), JournalCodec.FromStored(wire.Balances) ?? default, wire.Version,
            wire.EntryCount,
            JournalCodec.AmountOf(wire.AvailableDebits), JournalCodec.AmountOf(wire.AvailableCredits));

    private static WirePosition? ToWire(RowPosition position) => position.IsNone
        ? null
        : new WirePosition { Account = position.Account.Text, Row = position.SequenceNr };

    private static RowPosition FromWire(WirePosition? wire) =>
        wire is null ? default : new RowPosition(JournalCodec.AddressOf(wire.Account), wire.Row);

    private static WireTransactionResult ToWire(TransactionResult result)
    {
        var wire = new WireTransactionResult
        {
            Id = JournalCodec.ToStored(result.Id.Value),
            Status = (uint)result.Status,
            FailedLeg = (uint)(result.FailedLeg + 1),
            Time = result.CreateTime.UnixMicroseconds,
            Replayed = result.Replayed,
            Seen = JournalCodec.ToStored(result.BalanceSeen),
            Position = ToWire(result.Position),
        };
        foreach (var after in result.After)
        {
            wire.After.Add(ToWire(after));
        }

        foreach (var leg in result.Legs)
        {
            wire.Legs.Add(new WireLegResult
            {
                Transfer = (uint)leg.Transfer,
                Opening = (uint)leg.Opening,
                Amount = JournalCodec.ToStored((Amount?)leg.Amount),
            });
        }

        return wire;
    }

    private static TransactionResult FromWire(WireTransactionResult wire) => new(
        Id(wire.Id), (TransferStatus)wire.Status, (int)wire.FailedLeg - 1, new LedgerTime(wire.Time), wire.Replayed,
        JournalCodec.FromStored(wire.Seen),
        [.. wire.Legs.Select(static leg => new LegResult(
            (TransferStatus)leg.Transfer, (AccountStatus)leg.Opening, JournalCodec.AmountOf(leg.Amount) ?? default))])
    {
        Position = FromWire(wire.Position),
        After = wire.After.Count == 0 ? [] : [.. wire.After.Select(static after => FromWire(after)!)],
    };

    private static WireAccountAnswer ToWire(Account? view) => view is null
        ? new WireAccountAnswer()
        : new WireAccountAnswer
        {
            Exists = true,
            Address = view.Spec.Address.Text,
            Spec = JournalCodec.ToStored(view.Spec),
            OpenTime = view.CreateTime.UnixMicroseconds,
            Balances = JournalCodec.ToStored(view.Balances),
            EntryCount = view.EntryCount,
            Version = view.Version,
            Closed = view.IsClosed,
            Freeze = JournalCodec.ToStored(view.Freeze),
            ClosedReason = view.ClosedReason,
            HoldCount = (uint)view.HoldCount,
            Doubt = DoubtCodec.ToWire(view.Doubt),
        };

    private static Account? FromWire(WireAccountAnswer wire) => !wire.Exists
        ? null
        : new Account(
            JournalCodec.FromStored(wire.Spec, JournalCodec.AddressOf(wire.Address)),
            new LedgerTime(wire.OpenTime), JournalCodec.FromStored(wire.Balances) ?? default,
            wire.EntryCount, wire.Version, wire.Closed)
        {
            Freeze = JournalCodec.FromStored(wire.Freeze),
            ClosedReason = wire.ClosedReason,
            HoldCount = (int)wire.HoldCount,
            Doubt = DoubtCodec.FromWire(wire.Doubt),
        };

    private static WireRecordAnswer ToWire(TransferRecord record)
    {
        var wire = new WireRecordAnswer
        {
            Exists = true,
            Transfer = JournalCodec.ToStored(record.Transfer),
            Status = (uint)record.Status,
            Time = record.CreateTime.UnixMicroseconds,
            Seen = JournalCodec.ToStored(record.BalanceSeen),
            Amount = JournalCodec.ToStored((Amount?)record.Amount),
            TransactionId = JournalCodec.ToStored(record.TransactionId.Value),
            Hold = (uint)record.Hold,
            HoldRemaining = JournalCodec.ToStored((Amount?)record.HoldRemaining),
            HoldDeadline = record.HoldDeadline?.UnixMicroseconds ?? 0,
            Principal = record.Principal,
        };
        wire.Transfer.HoldRow = record.HoldRow;
        return wire;
    }

    private static TransferRecord FromWire(WireRecordAnswer wire) => new(
        JournalCodec.FromStored(wire.Transfer, default), (TransferStatus)wire.Status, new LedgerTime(wire.Time),
        JournalCodec.FromStored(wire.Seen))
    {
        Amount = JournalCodec.AmountOf(wire.Amount) ?? default,
        TransactionId = Id(wire.TransactionId),
        Hold = (HoldState)wire.Hold,
        HoldRemaining = JournalCodec.AmountOf(wire.HoldRemaining) ?? default,
        HoldRow = wire.Transfer.HoldRow,
        HoldDeadline = wire.HoldDeadline == 0 ? null : new LedgerTime(wire.HoldDeadline),
        Principal = wire.Principal,
    };

    private static WireRequest ToWire(AccountRequest call)
    {
        var path = call.ReplyTo.ReplyTo switch
        {
            IResponseSink calls => Serialization.SerializedActorPath(calls.Router),
            IActorRef actor => Serialization.SerializedActorPath(actor),
            _ => throw new ArgumentException("The caller has no address.", nameof(call)),
        };
        var wire = new WireRequest
        {
            ReplyTo = path,
            Correlation = call.ReplyTo.Correlation,
            Deadline = call.Deadline.UnixMicroseconds,
            Principal = call.Principal,
        };
        switch (call)
        {
            case OpenAccountRequest open:
                wire.Open = JournalCodec.ToStored(open.Spec);
                break;
            case PostTransferRequest post:
                wire.Post = JournalCodec.ToStored(post.Transfer);
                wire.ReturnBalances = post.ReturnBalances;
                break;
            case GetAccountRequest:
                wire.GetAccount = new WireGetAccount();
                break;
            case GetTransferRequest get:
                wire.GetTransfer = new WireGetTransfer { IdHigh = High(get.Id.Value), IdLow = Low(get.Id.Value) };
                break;
            case FlushRequest:
                wire.Flush = new WireFlush();
                break;
            case ListHoldsRequest list:
                wire.ListHolds = new WireListHolds
                {
                    After = list.After.IsNil ? null : JournalCodec.ToStored(list.After.Value), Limit = (uint)list.Limit,
                };
                if (list.ExpireBefore is { } before)
                {
                    wire.ListHolds.ExpireBefore = before.UnixMicroseconds;
                }

                break;
            case PostTransactionRequest post:
                wire.PostTransaction = ToWire(post.Transaction, post.IsDryRun);
                wire.PostTransaction.ReturnBalances = post.ReturnBalances;
                break;
            case GetTransactionRequest get:
                wire.GetTransaction = JournalCodec.ToStored(get.Id.Value);
                break;
            case ChangeAccountRequest change:
                wire.Change = JournalCodec.ToStored(change.Change);
                break;
            case ExtendHoldRequest extend:
                wire.ExtendHold = new StoredHoldExtended
                {
                    HoldId = JournalCodec.ToStored(extend.HoldId.Value), Deadline = extend.HoldDeadline
                        .UnixMicroseconds,
                };
                break;
            case ResolveInDoubtRequest resolve:
                wire.ResolveInDoubt = new WireResolveInDoubt
                {
                    Id = JournalCodec.ToStored(resolve.Id.Value),
                    Digest = JournalCodec.ToStored(resolve.Digest),
                    Verdict = ToWire(resolve.Verdict),
                    Found = resolve.Found is null ? null : ToWire(resolve.Found),
                };
                break;
            default:
                throw new ArgumentException($"{call.GetType().Name} has no wire form.", nameof(call));
        }

        return wire;
    }

    // Nearly always that of the message before.
    private DatabaseMark? MarkOf(WireEnvelope wire)
    {
        if (wire.Epoch == 0)
        {
            return null;
        }

        var last = Volatile.Read(ref lastMark);
        if (last is null || last.Epoch != wire.Epoch || last.Server != wire.Server)
        {
            last = new DatabaseMark(wire.Epoch, wire.Server);
            Volatile.Write(ref lastMark, last);
        }

        return last;
    }

    private AccountEnvelope FromWire(WireEnvelope wire)
    {
        var account = JournalCodec.AddressOf(wire.Account);
        AccountMessage message = wire.MessageCase switch
        {
            WireEnvelope.MessageOneofCase.Call => FromWire(wire.Call, account),
            WireEnvelope.MessageOneofCase.Prepare => new PrepareRequest(FromWire(wire.Prepare))
            {
                Time = new LedgerTime(wire.Prepare.Time),
            },
            WireEnvelope.MessageOneofCase.Vote => new Vote(
                Id(wire.Vote.Key), JournalCodec.Id128(wire.Vote.Digest), JournalCodec.AddressOf(wire.Vote.Account),
                (VoteKind)wire.Vote.Kind, FromWire(wire.Vote.Refusal))
            {
                Time = new LedgerTime(wire.Vote.Time),
            },
            WireEnvelope.MessageOneofCase.CommitRequest => new CommitRequest(FromWire(wire.CommitRequest))
            {
                Time = new LedgerTime(wire.CommitRequest.Time),
                ReturnBalances = wire.CommitRequest.ReturnBalances,
            },
            WireEnvelope.MessageOneofCase.Cancel => new CommitRequest(FromWire(wire.Cancel), Cancel: true)
            {
                Time = new LedgerTime(wire.Cancel.Time),
                ReturnBalances = wire.Cancel.ReturnBalances,
                Verdict = FromWire(wire.Cancel.Verdict),
            },
            WireEnvelope.MessageOneofCase.CommitResponse => FromWire(wire.CommitResponse),
            WireEnvelope.MessageOneofCase.DryRunRequest => new DryRunRequest(
                FromWire(wire.DryRunRequest.Part), wire.DryRunRequest.Round),
            WireEnvelope.MessageOneofCase.DryRunResponse => FromWire(wire.DryRunResponse),
            WireEnvelope.MessageOneofCase.Outcome => new Outcome(
                Id(wire.Outcome.Key), JournalCodec.Id128(wire.Outcome.Digest), wire.Outcome.Committed,
                new LedgerTime(wire.Outcome.Time))
            {
                Coordinator = JournalCodec.AddressOf(wire.Outcome.Coordinator),
                ReturnBalances = wire.Outcome.ReturnBalances,
            },
            WireEnvelope.MessageOneofCase.OutcomeAck => new OutcomeAck(
                Id(wire.OutcomeAck.Key), JournalCodec.Id128(wire.OutcomeAck.Digest),
                JournalCodec.AddressOf(wire.OutcomeAck.Account))
            {
                After = FromWire(wire.OutcomeAck.After),
            },
            WireEnvelope.MessageOneofCase.OutcomeRequest => new OutcomeRequest(
                FromWire(wire.OutcomeRequest.Part), JournalCodec.AddressOf(wire.OutcomeRequest.Account)),
            WireEnvelope.MessageOneofCase.Activate => new Activate(),
            _ => throw new JournalCorruptException("A message of an unknown kind came from another node."),
        };
        return new AccountEnvelope(account, message) { Mark = MarkOf(wire) };
    }

    private AccountRequest FromWire(WireRequest wire, AccountAddress account)
    {
        var caller = new ReplyTarget(
            system.Provider.ResolveActorRef(wire.ReplyTo), wire.Correlation);
        var deadline = new LedgerTime(wire.Deadline);
        AccountRequest call = wire.WhatCase switch
        {
            WireRequest.WhatOneofCase.Open =>
                new OpenAccountRequest(JournalCodec.FromStored(wire.Open, account), caller, deadline),
            WireRequest.WhatOneofCase.Post =>
                new PostTransferRequest(JournalCodec.FromStored(wire.Post, default), caller, deadline)
                {
                    ReturnBalances = wire.ReturnBalances,
                },
            WireRequest.WhatOneofCase.GetAccount => new GetAccountRequest(caller, deadline),
            WireRequest.WhatOneofCase.GetTransfer => new GetTransferRequest(
                JournalCodec.Id(wire.GetTransfer.IdHigh, wire.GetTransfer.IdLow), caller, deadline),
            WireRequest.WhatOneofCase.Flush => new FlushRequest(caller, deadline),
            WireRequest.WhatOneofCase.ListHolds => new ListHoldsRequest(
                wire.ListHolds.After is null ? default : Id(wire.ListHolds.After), (int)wire.ListHolds.Limit,
                wire.ListHolds.HasExpireBefore ? new LedgerTime(wire.ListHolds.ExpireBefore) : null, caller, deadline),
            WireRequest.WhatOneofCase.PostTransaction =>
                new PostTransactionRequest(FromWire(wire.PostTransaction), caller, deadline) 
                {
                    IsDryRun = wire.PostTransaction.DryRun, ReturnBalances = wire.PostTransaction.ReturnBalances,
                },
            WireRequest.WhatOneofCase.GetTransaction =>
                new GetTransactionRequest(Id(wire.GetTransaction), caller, deadline),
            WireRequest.WhatOneofCase.Change =>
                new ChangeAccountRequest(JournalCodec.FromStored(wire.Change), caller, deadline),
            WireRequest.WhatOneofCase.ExtendHold => new ExtendHoldRequest(
                Id(wire.ExtendHold.HoldId), new LedgerTime(wire.ExtendHold.Deadline), caller, deadline),
            WireRequest.WhatOneofCase.ResolveInDoubt => FromWire(wire.ResolveInDoubt, caller, deadline),
            _ => throw new JournalCorruptException("A call of an unknown kind came from another node."),
        };
        return wire.Principal.Length == 0 ? call : call with { Principal = wire.Principal };
    }

    private static WireResponse ToWire(ResponseEnvelope envelope)
    {
        var wire = new WireResponse { Correlation = envelope.Correlation };
        switch (envelope.Answer)
        {
            case OpenAccountResponse(var result):
                wire.Open = new WireOpenAnswer
                {
                    Address = result.Address.Text,
                    Status = (uint)result.Status,
                    Time = result.CreateTime.UnixMicroseconds,
                    Position = ToWire(result.Position),
                };
                break;
            case PostTransferResponse(var result):
                wire.Transfer = new WireTransferAnswer
                {
                    IdHigh = High(result.Id.Value),
                    IdLow = Low(result.Id.Value),
                    Status = (uint)result.Status,
                    Time = result.CreateTime.UnixMicroseconds,
                    Replayed = result.Replayed,
                    Seen = JournalCodec.ToStored(result.BalanceSeen),
                    Amount = JournalCodec.ToStored((Amount?)result.Amount),
                    Position = ToWire(result.Position),
                    DebitAfter = ToWire(result.DebitAfter),
                    CreditAfter = ToWire(result.CreditAfter),
                };
                break;
            case PostTransactionResponse(var result):
                wire.Transaction = ToWire(result);
                break;
            case GetTransactionResponse(var record):
                wire.TransactionRecord = record is null
                    ? new WireTransactionRecord()
                    : new WireTransactionRecord
                    {
                        Exists = true, Transaction = ToWire(record.Transaction, dryRun: false), Result = ToWire(
                            record.Result),
                        Principal = record.Principal,
                    };
                for (var i = 0; i < record?.HoldRows.Length; i++)
                {
                    wire.TransactionRecord.Transaction.Legs[i].HoldRow = record.HoldRows[i];
                }

                break;
            case ChangeAccountResponse(var result):
                wire.Change = new WireChangeAnswer
                {
                    Status = (uint)result.Status, Account = ToWire(result.Account), Position = ToWire(result.Position),
                };
                break;
            case ExtendHoldResponse extended:
                wire.Extend = new WireExtendAnswer
                {
                    Status = (uint)extended.Status,
                    HasDeadline = extended.HoldDeadline.HasValue,
                    Deadline = extended.HoldDeadline?.UnixMicroseconds ?? 0,
                    Position = ToWire(extended.Position),
                };
                break;
            case ResolveInDoubtResponse resolved:
                wire.ResolvedInDoubt = new WireResolvedInDoubt
                {
                    State = (uint)resolved.State,
                    Coordinator = resolved.Coordinator.Text,
                    LastAgent = resolved.LastAgent.IsNone ? "" : resolved.LastAgent.Text,
                    Part = resolved.Branch is null ? null : ToWire(resolved.Branch),
                    PreparedRow = resolved.PreparedRow,
                };
                wire.ResolvedInDoubt.WaitsFor.AddRange((resolved.WaitsFor ?? []).Select(static one => one.Text));
                break;
            case GetAccountResponse(var view):
                wire.Account = ToWire(view);
                break;
            case GetTransferResponse(null):
                wire.Record = new WireRecordAnswer();
                break;
            case GetTransferResponse({ } record):
                wire.Record = ToWire(record);
                break;
            case ListHoldsResponse list:
                wire.Holds = new WireHoldsAnswer { Account = ToWire(list.View), HasMore = list.HasMore };
                wire.Holds.Holds.AddRange(list.Holds.Select(ToWire));
                break;
            case FlushResponse fence:
                wire.Flush = new WireFlushResponse
                {
                    Exists = fence.Exists,
                    SequenceNr = fence.SequenceNr,
                    EntryCount = fence.EntryCount,
                    InDoubt = fence.CompleteUpTo.HasValue,
                    CompleteUpTo = fence.CompleteUpTo?.UnixMicroseconds ?? 0,
                    Asset = fence.Asset.Text ?? "",
                };
                break;
            case RequestFailed failed:
                wire.Failure = (uint)failed.Reason;
                wire.Size = failed.Size;
                wire.SizeLimit = failed.Limit;
                break;
            default:
                throw new ArgumentException($"{envelope.Answer.GetType().Name} has no wire form.", nameof(envelope));
        }

        return wire;
    }

    private static ResponseEnvelope FromWire(WireResponse wire)
    {
        AccountResponse answer = wire.WhatCase switch
        {
            WireResponse.WhatOneofCase.Open => new OpenAccountResponse(new OpenAccountResult(
                JournalCodec.AddressOf(wire.Open.Address), (AccountStatus)wire.Open.Status,
                new LedgerTime(wire.Open.Time))
            {
                Position = FromWire(wire.Open.Position),
            }),
            WireResponse.WhatOneofCase.Transfer => new PostTransferResponse(new TransferResult(
                JournalCodec.Id(wire.Transfer.IdHigh, wire.Transfer.IdLow), (TransferStatus)wire.Transfer.Status,
                new LedgerTime(wire.Transfer.Time), wire.Transfer.Replayed,
                JournalCodec.FromStored(wire.Transfer.Seen))
            {
                Amount = JournalCodec.AmountOf(wire.Transfer.Amount) ?? default,
                Position = FromWire(wire.Transfer.Position),
                DebitAfter = FromWire(wire.Transfer.DebitAfter),
                CreditAfter = FromWire(wire.Transfer.CreditAfter),
            }),
            WireResponse.WhatOneofCase.Transaction => new PostTransactionResponse(FromWire(wire.Transaction)),
            WireResponse.WhatOneofCase.TransactionRecord => new GetTransactionResponse(!wire.TransactionRecord.Exists
                ? null
                : new TransactionRecord(
                    FromWire(wire.TransactionRecord.Transaction), FromWire(wire.TransactionRecord.Result))
                {
                    HoldRows = wire.TransactionRecord.Transaction.Legs.Any(static leg => leg.HoldRow != 0)
                        ? [.. wire.TransactionRecord.Transaction.Legs.Select(static leg => leg.HoldRow)]
                        : [],
                    Principal = wire.TransactionRecord.Principal,
                }),
            WireResponse.WhatOneofCase.Change => new ChangeAccountResponse(new AccountChangeResult(
                (AccountStatus)wire.Change.Status, FromWire(wire.Change.Account))
            {
                Position = FromWire(wire.Change.Position),
            }),
            WireResponse.WhatOneofCase.Extend => new ExtendHoldResponse(
                (TransferStatus)wire.Extend.Status,
                wire.Extend.HasDeadline ? new LedgerTime(wire.Extend.Deadline) : null)
            {
                Position = FromWire(wire.Extend.Position),
            },
            WireResponse.WhatOneofCase.ResolvedInDoubt => new ResolveInDoubtResponse(
                (InDoubtState)wire.ResolvedInDoubt.State, JournalCodec.AddressOf(wire.ResolvedInDoubt.Coordinator))
            {
                LastAgent = wire.ResolvedInDoubt.LastAgent.Length == 0
                    ? default
                    : JournalCodec.AddressOf(wire.ResolvedInDoubt.LastAgent),
                Branch = wire.ResolvedInDoubt.Part is null ? null : FromWire(wire.ResolvedInDoubt.Part),
                PreparedRow = wire.ResolvedInDoubt.PreparedRow,
                WaitsFor = wire.ResolvedInDoubt.WaitsFor.Count == 0
                    ? null
                    : [.. wire.ResolvedInDoubt.WaitsFor.Select(JournalCodec.AddressOf)],
            },
            WireResponse.WhatOneofCase.Account => new GetAccountResponse(FromWire(wire.Account)),
            WireResponse.WhatOneofCase.Record =>
                new GetTransferResponse(wire.Record.Exists ? FromWire(wire.Record) : null),
            WireResponse.WhatOneofCase.Holds => new ListHoldsResponse(
                FromWire(wire.Holds.Account), [.. wire.Holds.Holds.Select(FromWire)], wire.Holds.HasMore),
            WireResponse.WhatOneofCase.Flush => new FlushResponse(
                wire.Flush.Exists, wire.Flush.SequenceNr, wire.Flush.EntryCount)
            {
                CompleteUpTo = wire.Flush.InDoubt ? new LedgerTime(wire.Flush.CompleteUpTo) : null,
                Asset = wire.Flush.Asset.Length == 0 ? default : Asset.Parse(wire.Flush.Asset),
            },
            WireResponse.WhatOneofCase.Failure => new RequestFailed((RequestFailure)wire.Failure)
            {
                Size = wire.Size, Limit = wire.SizeLimit,
            },
            _ => throw new JournalCorruptException("An answer of an unknown kind came from another node."),
        };
        return new ResponseEnvelope(wire.Correlation, answer);
    }
}
