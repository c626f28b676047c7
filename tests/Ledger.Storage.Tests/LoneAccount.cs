using Ledger.Core;

namespace Ledger.Storage.Tests;

/// <summary>An account whose rows are durable at once, and to which no other account answers unless the test says so.</summary>
internal sealed class LoneAccount : IAccountShell
{
    private readonly AccountAddress _account;
    private long _lastId;
    private bool _isWriting;

    public LoneAccount(string account)
    {
        _account = AccountAddress.Parse(account);
        Runtime = new AccountRuntime(_account, new AccountRuntimeOptions(), this);
        Runtime.RecoveryCompleted(At(0));
        Runtime.Handle(
            new OpenAccountCall(new AccountSpec(_account, Asset.Parse("USD/2"), 1), default, LedgerTime.MaxValue), At(0));
        Write(0);
    }

    public AccountRuntime Runtime { get; }

    public static LedgerTime At(int second) => new(second * 1_000_000L);

    /// <summary>Prepares a transfer.</summary>
    public Transfer Pay(string to, int second)
    {
        var transfer = new Transfer(
            new TransferId((UInt128)(ulong)++_lastId), _account, AccountAddress.Parse(to), Amount.Of(1), 1);
        Runtime.Handle(new PostTransferCall(transfer, default, LedgerTime.MaxValue), At(second));
        Write(second);
        return transfer;
    }

    /// <summary>Its last agent answers that it is committed.</summary>
    public void Commit(Transfer transfer, int second)
    {
        Runtime.Handle(
            new CloseAnswer(transfer.Id, TransferContent.DigestOf(transfer), Committed: true, At(second), null), At(second));
        Write(second);
    }

    void IAccountShell.Reply(Caller caller, AccountAnswerBase answer)
    {
    }

    void IAccountShell.Send(AccountAddress account, AccountMessage message)
    {
    }

    void IAccountShell.Write(EventBatch batch) => _isWriting = true;

    void IAccountShell.Lookup(IdLookup lookup)
    {
    }

    void IAccountShell.WakeAt(LedgerTime time)
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
