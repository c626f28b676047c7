namespace Ledger.Core.Tests.Protocol;

/// <summary>The world of a part that writes nothing down but when it wants to be woken.</summary>
internal sealed class NoHost : IAccountHost
{
    public List<LedgerTime> Wakes { get; } = [];

    public void Reply(ReplyTarget caller, AccountResponse answer) => throw new NotSupportedException();

    public void Send(AccountAddress account, AccountMessage message) => throw new NotSupportedException();

    public void Write(EventBatch batch) => throw new NotSupportedException();

    public void Lookup(IdLookup lookup) => throw new NotSupportedException();

    public void WakeAt(LedgerTime time) => Wakes.Add(time);
}
