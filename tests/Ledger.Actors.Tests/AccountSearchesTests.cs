using System.Collections.Concurrent;
using Akka.Actor;
using Ledger.Actors.Accounts;
using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <summary>
/// Goal: a look-up that is cheap never waits for one that is dear, and none goes on when nobody waits for it. Method:
/// an account's searches over a store whose answers about some ids are held back.
/// </summary>
public sealed class AccountSearchesTests : IDisposable
{
    private static readonly AccountAddress Account = AccountAddress.Parse("settlement");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly ActorSystem system = ActorSystem.Create("searches");
    private readonly Inbox inbox;
    private readonly HeldBackStreams streams = new();
    private readonly AccountSearches searches;

    public AccountSearchesTests()
    {
        inbox = Inbox.Create(system);
        searches = new AccountSearches(Account, new AccountStreamReader(streams), inbox.Receiver);
    }

    public void Dispose()
    {
        inbox.Dispose();
        system.Terminate().Wait(Patience);
        system.Dispose();
    }

    [Fact]
    public void A_late_retry_does_not_wait_for_a_GetTransfer_nor_what_is_asked_of_the_index_for_either()
    {
        var shown = Lookup(withLater: true, isOrdered: true);
        var late = Lookup(withLater: false, isOrdered: true);
        var unordered = Lookup(withLater: false, isOrdered: false);
        streams.HoldBack(shown.Id);
        searches.Ask(shown);
        searches.Ask(late);
        Take().Asked.ShouldBe([late]);
        streams.HoldBack(late.Id);
        searches.Ask(late);
        searches.Ask(unordered);
        Take().Asked.ShouldBe([unordered]);
        searches.IsSearching.ShouldBeTrue();
        streams.LetGo(late.Id);
        streams.LetGo(shown.Id);
        new[] { Take(), Take() }.SelectMany(static one => one.Asked).ShouldBe([late, shown], ignoreOrder: true);
        searches.IsSearching.ShouldBeFalse();
    }

    [Fact]
    public void What_is_asked_while_a_search_of_its_kind_is_under_way_is_asked_together_afterwards()
    {
        var first = Lookup(withLater: false, isOrdered: true);
        IdLookup[] others = [Lookup(withLater: false, isOrdered: true), Lookup(withLater: false, isOrdered: true)];
        streams.HoldBack(first.Id);
        searches.Ask(first);
        searches.Ask(others[0]);
        searches.Ask(others[1]);
        streams.LetGo(first.Id);
        Take().Asked.ShouldBe([first]);
        Take().Asked.ShouldBe(others);
    }

    [Fact]
    public void A_search_that_nobody_waits_for_is_stopped_and_the_others_are_not()
    {
        var left = Lookup(withLater: true, isOrdered: true);
        var awaited = Lookup(withLater: false, isOrdered: true);
        streams.HoldBack(left.Id);
        streams.HoldBack(awaited.Id);
        searches.Ask(left);
        searches.Ask(awaited);
        searches.StopUnawaited(lookup => lookup == awaited);
        var stopped = Take();
        stopped.Asked.ShouldBe([left]);
        stopped.Answers.ShouldBeNull();
        stopped.Cause.ShouldBeAssignableTo<OperationCanceledException>();
        streams.LetGo(awaited.Id);
        Take().Answers.ShouldNotBeNull().ShouldHaveSingleItem().IsProved.ShouldBeTrue();
    }

    [Fact]
    public void What_an_index_that_is_not_complete_leaves_open_is_answered_when_it_has_been_made_again()
    {
        streams.IsIncomplete = true;
        var asked = Lookup(withLater: false, isOrdered: false);
        searches.Ask(asked);
        Take().Answers.ShouldNotBeNull().ShouldHaveSingleItem().IsProved.ShouldBeFalse();
        Take().Answers.ShouldNotBeNull().ShouldHaveSingleItem().IsProved.ShouldBeTrue();
        streams.Completed.ShouldBe(1);
    }

    // The end of a search, as the account takes it.
    private SearchEnded Take()
    {
        var ended = inbox.Receive(Patience).ShouldBeOfType<SearchEnded>();
        searches.Ended(ended);
        return ended;
    }

    private static IdLookup Lookup(bool withLater, bool isOrdered)
    {
        var id = TransferId.FromGuid(isOrdered ? Guid.CreateVersion7() : Guid.NewGuid());
        return new IdLookup(
            id, 0, 0, isOrdered ? default : LedgerTime.MaxValue, isOrdered ? LedgerTime.MaxValue : default, withLater);
    }

    private sealed class HeldBackStreams : IIndexedStreams
    {
        private readonly ConcurrentDictionary<TransferId, TaskCompletionSource> heldBack = new();

        public bool IsIncomplete { get; set; }

        public int Completed { get; private set; }

        public void HoldBack(TransferId id) =>
            heldBack[id] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void LetGo(TransferId id)
        {
            if (heldBack.TryRemove(id, out var waiting))
            {
                waiting.SetResult();
            }
        }

        public async Task<IndexedRows> FindIdsAsync(
            string persistenceId, IReadOnlyCollection<TransferId> ids, long upTo, IndexedId newest,
            CancellationToken cancellationToken)
        {
            foreach (var id in ids)
            {
                if (heldBack.TryGetValue(id, out var waiting))
                {
                    await waiting.Task.WaitAsync(cancellationToken);
                }
            }

            return new IndexedRows(0, [], !IsIncomplete);
        }

        public Task<long> PlaceOfAsync(string persistenceId, long sequenceNr, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public Task AddIdsAsync(
            string persistenceId, IReadOnlyList<IndexedId> entries, CancellationToken cancellationToken) =>
            Task.CompletedTask;

        public Task CompleteIdsAsync(string persistenceId, long upTo, CancellationToken cancellationToken)
        {
            Completed++;
            IsIncomplete = false;
            return Task.CompletedTask;
        }

        public Task<IReadOnlyList<StreamRow>> ReadAsync(
            string persistenceId, long fromSequenceNr, long toSequenceNr, int maxRows, bool descending,
            CancellationToken cancellationToken) => throw new NotSupportedException("There are no rows.");

        public Task<IReadOnlyList<string>> ListStreamsAsync(
            string prefix, string? after, int limit, CancellationToken cancellationToken) =>
                throw new NotSupportedException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
