using Akka.Actor;
using FsCheck;
using FsCheck.Xunit;
using Ledger.Actors.Accounts;

namespace Ledger.Actors.Tests;

/// <summary>Goal: an account's mailbox loses, doubles and reorders nothing. Method: any sequence of operations against
/// a list that does the same; several threads at once.</summary>
public sealed class AccountMailboxTests
{
    [Property(MaxTest = 500)]
    public void It_does_what_a_list_does(NonNegativeInt seed)
    {
        var random = new Random(seed.Get);
        var queue = new AccountMessageQueue();
        var list = new LinkedList<int>();

        // Mostly in bursts, so that it grows and shrinks.
        var adds = 0.5;
        for (var i = 0; i < 400; i++)
        {
            if (random.Next(40) == 0)
            {
                adds = random.NextDouble();
            }

            if (random.NextDouble() < adds)
            {
                var isFirst = random.Next(4) == 0;
                _ = isFirst ? list.AddFirst(i) : list.AddLast(i);
                if (isFirst)
                {
                    queue.EnqueueFirst(new Envelope(i, ActorRefs.NoSender));
                }
                else
                {
                    queue.Enqueue(ActorRefs.Nobody, new Envelope(i, ActorRefs.NoSender));
                }
            }
            else if (queue.TryDequeue(out var envelope))
            {
                envelope.Message.ShouldBe(list.First!.Value);
                list.RemoveFirst();
            }
            else
            {
                list.ShouldBeEmpty();
            }

            queue.Count.ShouldBe(list.Count);
            queue.HasMessages.ShouldBe(list.Count > 0);
        }
    }

    [Fact]
    public async Task Several_threads_add_and_each_message_comes_once_and_in_its_sender_s_order()
    {
        const int senders = 4;
        const int each = 50_000;
        var queue = new AccountMessageQueue();
        var adding = Task.WhenAll(Enumerable.Range(0, senders).Select(sender => Task.Run(() =>
        {
            for (var i = 0; i < each; i++)
            {
                queue.Enqueue(ActorRefs.Nobody, new Envelope((sender, i), ActorRefs.NoSender));
            }
        })));
        var next = new int[senders];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        for (var taken = 0; taken < senders * each;)
        {
            if (queue.TryDequeue(out var envelope))
            {
                var (sender, i) = ((int, int))envelope.Message;
                i.ShouldBe(next[sender]++);
                taken++;
            }
            else
            {
                patience.IsCancellationRequested.ShouldBeFalse($"{taken} messages came.");
                await Task.Yield();
            }
        }

        await adding;
        queue.HasMessages.ShouldBeFalse();
    }

    [Fact]
    public async Task Accounts_have_it()
    {
        using var storage = new SqliteTestStorage();
        await using var host = await LedgerHost.StartAsync(storage);
        var address = AccountAddress.Parse("a");
        (await host.Ledger.OpenAccountsAsync([new AccountSpec(address, Asset.Parse("USD/2"), 1)]))[0].Status
            .ShouldBe(AccountStatus.Created);
        var account = await host.System.ActorSelection("/user/ledger-accounts/*").ResolveOne(TimeSpan.FromSeconds(10));
        ((ActorCell)((ActorRefWithCell)account).Underlying).Mailbox!.MessageQueue.ShouldBeOfType<AccountMessageQueue>();
    }

    [Fact]
    public void What_is_left_when_the_account_stops_becomes_dead_letters()
    {
        var queue = new AccountMessageQueue();
        var letters = new AccountMessageQueue();
        for (var i = 0; i < 5; i++)
        {
            queue.Enqueue(ActorRefs.Nobody, new Envelope(i, ActorRefs.NoSender));
        }

        queue.CleanUp(ActorRefs.Nobody, letters);
        queue.HasMessages.ShouldBeFalse();
        letters.Count.ShouldBe(5);
        letters.TryDequeue(out var first).ShouldBeTrue();
        first.Message.ShouldBe(0);
    }

    /// <summary>Whoever found the queue while its account was there may be slower than Akka's emptying of it.</summary>
    [Fact]
    public void What_comes_after_the_account_has_stopped_becomes_a_dead_letter_too()
    {
        var queue = new AccountMessageQueue();
        var letters = new AccountMessageQueue();
        queue.CleanUp(ActorRefs.Nobody, letters);
        queue.Enqueue(ActorRefs.Nobody, new Envelope("late", ActorRefs.NoSender));
        queue.HasMessages.ShouldBeFalse();
        letters.TryDequeue(out var late).ShouldBeTrue();
        late.Message.ShouldBe("late");
        queue.EnqueueFirst(new Envelope("put back", ActorRefs.NoSender));
        letters.TryDequeue(out var putBack).ShouldBeTrue();
        (putBack.Message, queue.HasMessages).ShouldBe(("put back", false));
    }

    [Fact]
    public async Task While_an_account_stops_each_message_is_either_in_its_queue_or_a_dead_letter()
    {
        for (var round = 0; round < 200; round++)
        {
            var queue = new AccountMessageQueue();
            var letters = new AccountMessageQueue();
            using var start = new Barrier(3);
            var senders = Enumerable.Range(0, 2).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    start.SignalAndWait();
                    for (var i = 0; i < 100; i++)
                    {
                        queue.Enqueue(ActorRefs.Nobody, new Envelope(i, ActorRefs.NoSender));
                    }
                },
                TaskCreationOptions.LongRunning)).ToArray();
            start.SignalAndWait();
            queue.CleanUp(ActorRefs.Nobody, letters);
            await Task.WhenAll(senders);
            (queue.Count, letters.Count).ShouldBe((0, 200));
        }
    }
}
