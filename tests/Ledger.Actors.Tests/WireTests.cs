using Akka.Actor;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <summary>Everything that accounts and nodes say to each other survives its wire form: one node in one process never
/// shows that a field was forgotten.</summary>
public sealed class WireTests : IDisposable
{
    private static readonly AccountAddress Debit = AccountAddress.Parse("users:42:wallet");
    private static readonly AccountAddress Credit = AccountAddress.Parse("shop:7");
    private static readonly Asset Usd = Asset.Parse("USD/2");
    private static readonly LedgerTime Time = new(1_790_000_000_123_456);
    private static readonly Balances Seen = new(
        Amount.Of(1), Amount.Of(2), Amount.Of(3), Amount.MaxValue, Amount.Of(5), Amount.Of(6));

    private static readonly Transfer Full = new(
        TransferId.FromGuid(Guid.Parse("0199b5d2-8c00-7abc-8def-0123456789ab")), Debit, Credit, Amount.MaxValue, 9)
    {
        Asset = Usd,
        Reference = "r",
        Metadata = Metadata.Of([new("k", "v"), new("a", "")]),
    };

    private static readonly AccountSpec Spec = new(Debit, Usd, 7)
    {
        Reference = "r",
        Metadata = Metadata.Of([new("k", "v")]),
        DebitsMustNotExceedCredits = Amount.Of(5),
    };

    private readonly ActorSystem system = ActorSystem.Create("wire");

    public void Dispose() => system.Terminate().Wait(TimeSpan.FromSeconds(10));

    [Fact]
    public void Every_message_to_an_account_survives()
    {
        var caller = new Caller(system.DeadLetters, 77);
        AccountMessage[] messages =
        [
            new OpenAccountCall(Spec, caller, Time),
            new PostTransferCall(Full, caller, Time),
            new GetAccountCall(caller, Time),
            new GetTransferCall(Full.Id, caller, Time),
            new StatementFenceCall(caller, Time),
            new CloseRequest(Full, Usd),
            new CloseAnswer(Full.Id, UInt128.MaxValue, TransferStatus.Created, Time, null),
            new CloseAnswer(Full.Id, 5, TransferStatus.ExceedsDebits, Time, Seen),
            new TrialRequest(Full, default),
            new TrialAnswer(Full.Id, 5, TransferStatus.None),
            new Poke(),
        ];
        Kinds(typeof(AccountMessage)).Except(messages.Select(static message => message.GetType())).ShouldBeEmpty();
        foreach (var message in messages)
        {
            var read = RoundTrip(new AccountEnvelope(Debit, message));
            read.Account.ShouldBe(Debit);
            if (message is AccountCall call)
            {
                // Addresses of actors are equal by path.
                var back = read.Message.ShouldBeAssignableTo<AccountCall>()!;
                (back with { Caller = caller }).ShouldBe(call);
                back.Caller.Correlation.ShouldBe(77);
                ((IActorRef)back.Caller.ReplyTo!).Path.ShouldBe(system.DeadLetters.Path);
            }
            else
            {
                read.Message.ShouldBe(message);
            }
        }
    }

    [Fact]
    public void Every_answer_survives()
    {
        AccountAnswerBase[] answers =
        [
            new OpenAccountAnswer(new OpenAccountResult(Debit, AccountStatus.Created, Time)),
            new TransferAnswer(new TransferResult(Full.Id, TransferStatus.Exists, Time, true, null)),
            new TransferAnswer(new TransferResult(Full.Id, TransferStatus.ExceedsCredits, Time, false, Seen)),
            new AccountAnswer(null),
            new AccountAnswer(new AccountView(Spec, Time, Seen, 12, 34, true)),
            new TransferRecordAnswer(null),
            new TransferRecordAnswer(new TransferRecord(Full, TransferStatus.ExceedsCredits, Time, Seen)),
            new StatementFenceAnswer(true, 12, 34),
            new CallFailed(CallFailure.DeadlineExpired),
            new CallFailed(CallFailure.Moving),
        ];
        Kinds(typeof(AccountAnswerBase)).Where(static type => type.Assembly == typeof(AccountAnswerBase).Assembly)
            .Except(answers.Select(static answer => answer.GetType())).ShouldBeEmpty();
        foreach (var answer in answers)
        {
            RoundTrip(new AnswerEnvelope(5, answer)).ShouldBe(new AnswerEnvelope(5, answer));
        }
    }

    [Fact]
    public void An_unknown_manifest_and_an_unknown_message_are_refused()
    {
        var serializer = new LedgerSerializer((ExtendedActorSystem)system);
        Should.Throw<JournalCorruptException>(() => serializer.FromBinary([], "zz"));
        Should.Throw<ArgumentException>(() => serializer.Manifest("text"));
        Should.Throw<JournalCorruptException>(() => serializer.FromBinary([], "a1"));
    }

    [Fact]
    public void The_shard_of_an_address_never_changes()
    {
        var extractor = new AccountExtractor(100);
        string Shard(string address) => extractor.ShardId(address, null)!;
        new[] { "users:42:wallet", "shop:7", "a", "bank:equity" }.Select(Shard).ShouldBe(GoldenShards);
    }

    private static readonly string[] GoldenShards = ["65", "86", "17", "88"];

    private static IEnumerable<Type> Kinds(Type root) =>
        root.Assembly.GetTypes().Where(type => type.IsSubclassOf(root) && !type.IsAbstract);

    private T RoundTrip<T>(T message)
        where T : class
    {
        var serializer = new LedgerSerializer((ExtendedActorSystem)system);
        return (T)serializer.FromBinary(serializer.ToBinary(message), serializer.Manifest(message));
    }
}
