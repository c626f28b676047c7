using Ledger.Actors.Storage;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>A message on its way to an account.</summary>
internal sealed record AccountEnvelope(AccountAddress Account, AccountMessage Message)
{
    /// <summary>The history of the database that the message rests on (R19 b); null where it rests on none.</summary>
    public DatabaseMark? Mark { get; init; }
}
