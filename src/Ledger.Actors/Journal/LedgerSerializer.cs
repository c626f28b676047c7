using Akka.Actor;
using Akka.Serialization;
using Google.Protobuf;
using Ledger.Actors.Accounts;
using Ledger.Core;
using Ledger.Journal.V1;

namespace Ledger.Actors.Journal;

/// <summary>Stored rows and what actors exchange, as ledger.journal.v1. Manifests are stored: short, and never changed.</summary>
internal sealed class LedgerSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    public const string RowManifest = "b1";
    public const string SnapshotManifest = "s1";
    private const string EnvelopeManifest = "m1";
    private const string AnswerManifest = "a1";
    private const string StopManifest = "x1";

    public static readonly Type[] BoundTypes =
    [
        typeof(JournalRow), typeof(SnapshotRow), typeof(AccountEnvelope), typeof(AnswerEnvelope), typeof(StopAccount),
    ];

    // Stored beside every row: never change it.
    public override int Identifier => 8140;

    public override string Manifest(object o) => o switch
    {
        JournalRow => RowManifest,
        SnapshotRow => SnapshotManifest,
        AccountEnvelope => EnvelopeManifest,
        AnswerEnvelope => AnswerManifest,
        StopAccount => StopManifest,
        _ => throw new ArgumentException($"{o.GetType().Name} is not a message of the ledger.", nameof(o)),
    };

    public override byte[] ToBinary(object obj) => obj switch
    {
        JournalRow row => ToArray(row.Bytes),
        SnapshotRow row => ToArray(row.Bytes),
        AccountEnvelope envelope => ToWire(envelope).ToByteArray(),
        AnswerEnvelope answer => ToWire(answer).ToByteArray(),
        StopAccount => [],
        _ => throw new ArgumentException($"{obj.GetType().Name} is not a message of the ledger.", nameof(obj)),
    };

    public override object FromBinary(byte[] bytes, string manifest) => manifest switch
    {
        RowManifest => new JournalRow(bytes),
        SnapshotManifest => Snapshot(bytes),
        EnvelopeManifest => FromWire(WireEnvelope.Parser.ParseFrom(bytes)),
        AnswerManifest => FromWire(WireAnswer.Parser.ParseFrom(bytes)),
        StopManifest => StopAccount.Instance,
        _ => throw new JournalCorruptException($"Unknown manifest '{manifest}'."),
    };

    // Rows are arrays of their own from the start; copying them would double the work of the hottest path.
    private static byte[] ToArray(ReadOnlyMemory<byte> bytes) =>
        System.Runtime.InteropServices.MemoryMarshal.TryGetArray(bytes, out var segment)
        && segment.Offset == 0 && segment.Array!.Length == segment.Count
            ? segment.Array
            : bytes.ToArray();

    // Parsed here although it is decoded later: a snapshot that can't be read must fail while it may still be left out.
    private static SnapshotRow Snapshot(byte[] bytes)
    {
        StoredSnapshot.Parser.ParseFrom(bytes);
        return new SnapshotRow(bytes);
    }

    private static ulong High(UInt128 value) => JournalCodec.High(value);

    private static ulong Low(UInt128 value) => JournalCodec.Low(value);

    private static WireEnvelope ToWire(AccountEnvelope envelope)
    {
        var wire = new WireEnvelope { Account = envelope.Account.Text };
        switch (envelope.Message)
        {
            case AccountCall call:
                wire.Call = ToWire(call);
                break;
            case CloseRequest close:
                wire.Close = new WireClose
                {
                    Transfer = JournalCodec.ToStored(close.Transfer),
                    DebitAsset = close.DebitAsset.Text,
                };
                break;
            case TrialRequest trial:
                wire.Trial = new WireClose
                {
                    Transfer = JournalCodec.ToStored(trial.Transfer),
                    DebitAsset = trial.DebitAsset.Text,
                };
                break;
            case CloseAnswer answer:
                wire.CloseAnswer = new WireCloseAnswer
                {
                    IdHigh = High(answer.Id.Value),
                    IdLow = Low(answer.Id.Value),
                    DigestHigh = High(answer.Digest),
                    DigestLow = Low(answer.Digest),
                    Reason = (uint)answer.Reason,
                    Time = answer.Time.UnixMicroseconds,
                    Seen = JournalCodec.ToStored(answer.Seen),
                };
                break;
            case TrialAnswer answer:
                wire.TrialAnswer = new WireTrialAnswer
                {
                    IdHigh = High(answer.Id.Value),
                    IdLow = Low(answer.Id.Value),
                    DigestHigh = High(answer.Digest),
                    DigestLow = Low(answer.Digest),
                    Reason = (uint)answer.Reason,
                };
                break;
            case Poke:
                wire.Poke = new WirePoke();
                break;
            default:
                throw new ArgumentException($"{envelope.Message.GetType().Name} has no wire form.", nameof(envelope));
        }

        return wire;
    }

    private static WireCall ToWire(AccountCall call)
    {
        var path = call.Caller.ReplyTo switch
        {
            CallTable table => Serialization.SerializedActorPath(table.Router),
            IActorRef actor => Serialization.SerializedActorPath(actor),
            _ => throw new ArgumentException("The caller has no address.", nameof(call)),
        };
        var wire = new WireCall
        {
            ReplyTo = path,
            Correlation = call.Caller.Correlation,
            Deadline = call.Deadline.UnixMicroseconds,
        };
        switch (call)
        {
            case OpenAccountCall open:
                wire.Open = JournalCodec.ToStored(open.Spec);
                break;
            case PostTransferCall post:
                wire.Post = JournalCodec.ToStored(post.Transfer);
                break;
            case GetAccountCall:
                wire.GetAccount = new WireGetAccount();
                break;
            case GetTransferCall get:
                wire.GetTransfer = new WireGetTransfer { IdHigh = High(get.Id.Value), IdLow = Low(get.Id.Value) };
                break;
            case StatementFenceCall:
                wire.Fence = new WireFence();
                break;
            default:
                throw new ArgumentException($"{call.GetType().Name} has no wire form.", nameof(call));
        }

        return wire;
    }

    private AccountEnvelope FromWire(WireEnvelope wire)
    {
        var account = JournalCodec.AddressOf(wire.Account);
        AccountMessage message = wire.MessageCase switch
        {
            WireEnvelope.MessageOneofCase.Call => FromWire(wire.Call, account),
            WireEnvelope.MessageOneofCase.Close => new CloseRequest(
                JournalCodec.FromStored(wire.Close.Transfer, default, default),
                JournalCodec.AssetOf(wire.Close.DebitAsset)),
            WireEnvelope.MessageOneofCase.Trial => new TrialRequest(
                JournalCodec.FromStored(wire.Trial.Transfer, default, default),
                JournalCodec.AssetOf(wire.Trial.DebitAsset)),
            WireEnvelope.MessageOneofCase.CloseAnswer => new CloseAnswer(
                JournalCodec.Id(wire.CloseAnswer.IdHigh, wire.CloseAnswer.IdLow),
                new UInt128(wire.CloseAnswer.DigestHigh, wire.CloseAnswer.DigestLow),
                (TransferStatus)wire.CloseAnswer.Reason, new LedgerTime(wire.CloseAnswer.Time),
                JournalCodec.FromStored(wire.CloseAnswer.Seen)),
            WireEnvelope.MessageOneofCase.TrialAnswer => new TrialAnswer(
                JournalCodec.Id(wire.TrialAnswer.IdHigh, wire.TrialAnswer.IdLow),
                new UInt128(wire.TrialAnswer.DigestHigh, wire.TrialAnswer.DigestLow),
                (TransferStatus)wire.TrialAnswer.Reason),
            WireEnvelope.MessageOneofCase.Poke => new Poke(),
            _ => throw new JournalCorruptException("A message of an unknown kind came from another node."),
        };
        return new AccountEnvelope(account, message);
    }

    private AccountCall FromWire(WireCall wire, AccountAddress account)
    {
        var caller = new Caller(
            system.Provider.ResolveActorRef(wire.ReplyTo), wire.Correlation);
        var deadline = new LedgerTime(wire.Deadline);
        return wire.WhatCase switch
        {
            WireCall.WhatOneofCase.Open =>
                new OpenAccountCall(JournalCodec.FromStored(wire.Open, account), caller, deadline),
            WireCall.WhatOneofCase.Post =>
                new PostTransferCall(JournalCodec.FromStored(wire.Post, default, default), caller, deadline),
            WireCall.WhatOneofCase.GetAccount => new GetAccountCall(caller, deadline),
            WireCall.WhatOneofCase.GetTransfer => new GetTransferCall(
                JournalCodec.Id(wire.GetTransfer.IdHigh, wire.GetTransfer.IdLow), caller, deadline),
            WireCall.WhatOneofCase.Fence => new StatementFenceCall(caller, deadline),
            _ => throw new JournalCorruptException("A call of an unknown kind came from another node."),
        };
    }

    private static WireAnswer ToWire(AnswerEnvelope envelope)
    {
        var wire = new WireAnswer { Correlation = envelope.Correlation };
        switch (envelope.Answer)
        {
            case OpenAccountAnswer(var result):
                wire.Open = new WireOpenAnswer
                {
                    Address = result.Address.Text,
                    Status = (uint)result.Status,
                    Time = result.Time.UnixMicroseconds,
                };
                break;
            case TransferAnswer(var result):
                wire.Transfer = new WireTransferAnswer
                {
                    IdHigh = High(result.Id.Value),
                    IdLow = Low(result.Id.Value),
                    Status = (uint)result.Status,
                    Time = result.Time.UnixMicroseconds,
                    Replayed = result.Replayed,
                    Seen = JournalCodec.ToStored(result.BalanceSeen),
                };
                break;
            case AccountAnswer(null):
                wire.Account = new WireAccountAnswer();
                break;
            case AccountAnswer({ } view):
                wire.Account = new WireAccountAnswer
                {
                    Exists = true,
                    Address = view.Spec.Address.Text,
                    Spec = JournalCodec.ToStored(view.Spec),
                    OpenTime = view.OpenTime.UnixMicroseconds,
                    Balances = JournalCodec.ToStored(view.Balances),
                    EntryCount = view.EntryCount,
                    Version = view.Version,
                    Closed = view.Closed,
                };
                break;
            case TransferRecordAnswer(null):
                wire.Record = new WireRecordAnswer();
                break;
            case TransferRecordAnswer({ } record):
                wire.Record = new WireRecordAnswer
                {
                    Exists = true,
                    Transfer = JournalCodec.ToStored(record.Transfer),
                    Status = (uint)record.Status,
                    Time = record.Time.UnixMicroseconds,
                    Seen = JournalCodec.ToStored(record.BalanceSeen),
                };
                break;
            case StatementFenceAnswer fence:
                wire.Fence = new WireFenceAnswer
                {
                    Exists = fence.Exists,
                    SequenceNr = fence.SequenceNr,
                    EntryCount = fence.EntryCount,
                };
                break;
            case CallFailed(var reason):
                wire.Failure = (uint)reason;
                break;
            default:
                throw new ArgumentException($"{envelope.Answer.GetType().Name} has no wire form.", nameof(envelope));
        }

        return wire;
    }

    private static AnswerEnvelope FromWire(WireAnswer wire)
    {
        AccountAnswerBase answer = wire.WhatCase switch
        {
            WireAnswer.WhatOneofCase.Open => new OpenAccountAnswer(new OpenAccountResult(
                JournalCodec.AddressOf(wire.Open.Address), (AccountStatus)wire.Open.Status,
                new LedgerTime(wire.Open.Time))),
            WireAnswer.WhatOneofCase.Transfer => new TransferAnswer(new TransferResult(
                JournalCodec.Id(wire.Transfer.IdHigh, wire.Transfer.IdLow), (TransferStatus)wire.Transfer.Status,
                new LedgerTime(wire.Transfer.Time), wire.Transfer.Replayed,
                JournalCodec.FromStored(wire.Transfer.Seen))),
            WireAnswer.WhatOneofCase.Account => new AccountAnswer(!wire.Account.Exists
                ? null
                : new AccountView(
                    JournalCodec.FromStored(wire.Account.Spec, JournalCodec.AddressOf(wire.Account.Address)),
                    new LedgerTime(wire.Account.OpenTime), JournalCodec.FromStored(wire.Account.Balances) ?? default,
                    wire.Account.EntryCount, wire.Account.Version, wire.Account.Closed)),
            WireAnswer.WhatOneofCase.Record => new TransferRecordAnswer(!wire.Record.Exists
                ? null
                : new TransferRecord(
                    JournalCodec.FromStored(wire.Record.Transfer, default, default),
                    (TransferStatus)wire.Record.Status, new LedgerTime(wire.Record.Time),
                    JournalCodec.FromStored(wire.Record.Seen))),
            WireAnswer.WhatOneofCase.Fence => new StatementFenceAnswer(
                wire.Fence.Exists, wire.Fence.SequenceNr, wire.Fence.EntryCount),
            WireAnswer.WhatOneofCase.Failure => new CallFailed((CallFailure)wire.Failure),
            _ => throw new JournalCorruptException("An answer of an unknown kind came from another node."),
        };
        return new AnswerEnvelope(wire.Correlation, answer);
    }
}
