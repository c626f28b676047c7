using Ledger.Core;

namespace Ledger.Storage.Tests;

/// <summary>An account whose rows are durable at once, and to which no other account answers unless the test says
/// so.</summary>
internal sealed class LoneAccount : IAccountHost
{
    private readonly AccountAddress _account;
    private long _lastId;
    private bool _isWriting;

    public LoneAccount(string account)
    {
        _account = AccountAddress.Parse(account);
        Runtime = new AccountMachine(_account, new AccountMachineOptions(), this);
        Runtime.RecoveryCompleted(At(0));
        Runtime.Handle(
            new OpenAccountRequest(new AccountSpec(_account, Asset.Parse("USD/2"), 1), default, LedgerTime.MaxValue),
            At(0));
        Write(0);
    }

    public AccountMachine Runtime { get; }

    public static LedgerTime At(int second) => new(second * 1_000_000L);

    /// <summary>Prepares a transfer.</summary>
    public Transfer Pay(string to, int second)
    {
        var transfer = new Transfer(
            new TransferId((UInt128)(ulong)++_lastId), _account, AccountAddress.Parse(to), Amount.Of(1), 1);
        Runtime.Handle(new PostTransferRequest(transfer, default, LedgerTime.MaxValue), At(second));
        Write(second);
        return transfer;
    }

    /// <summary>Its last agent answers that it is committed.</summary>
    public void Commit(Transfer transfer, int second)
    {
        Runtime.Handle(
            new CommitResponse(transfer.Id, TransferContent.DigestOf(transfer), Committed: true, At(second), null),
            At(second));
        Write(second);
    }

    void IAccountHost.Reply(ReplyTarget caller, AccountResponse answer)
    {
    }

    void IAccountHost.Send(AccountAddress account, AccountMessage message)
    {
    }

    void IAccountHost.Write(EventBatch batch) => _isWriting = true;

    void IAccountHost.Lookup(IdLookup lookup)
    {
    }

    void IAccountHost.WakeAt(LedgerTime time)
    {
    }

    private void Write(int second)
    {
        while (_isWriting)
        {
            _isWriting = false;
            Runtime.WriteSucceeded(At(second));
        }
    }
}
