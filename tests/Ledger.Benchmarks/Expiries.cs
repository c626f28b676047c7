using System.Data.Common;
using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Benchmarks;

/// <summary>When holds were due and when they ended, as the journal tells it.</summary>
internal static class Expiries
{
    /// <summary>Reads the expiries of all accounts, in the order in which they were booked.</summary>
    /// <param name="connection">Open, to the journal.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Of each hold that expired, when it was due and by how many microseconds later it ended.</returns>
    /// <exception cref="BooksException">One ended before its time.</exception>
    public static async Task<IReadOnlyList<(LedgerTime Due, long Late)>> ReadAsync(
        DbConnection connection, CancellationToken cancellationToken)
    {
        var expiries = new List<(LedgerTime, long)>();
        var deadlines = new Dictionary<TransferId, LedgerTime>();
        await using var command = connection.CreateCommand();
        command.CommandText =
            "SELECT persistence_id, sequence_number, message FROM journal"
            + $" WHERE manifest = '{LedgerSerializer.HoldRowManifest}' ORDER BY ordering";
        command.CommandTimeout = 600;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var account = AccountAddress.Parse(reader.GetString(0)[AccountActor.PersistenceIdPrefix.Length..]);
            var batch = JournalCodec.Decode((byte[])reader.GetValue(2), account, reader.GetInt64(1), out _);
            foreach (var happened in batch.Events.OfType<LastAgentCommitted>())
            {
                foreach (var leg in happened.Branch.Legs)
                {
                    if (leg.IsHold)
                    {
                        deadlines[leg.Transfer!.Id] = leg.Deadline;
                    }
                    else if (leg.Transfer!.Kind == TransferKind.ExpireHold)
                    {
                        var due = deadlines[leg.Transfer.HoldId];
                        var late = happened.At.UnixMicroseconds - due.UnixMicroseconds;
                        expiries.Add(late >= 0
                            ? (due, late)
                            : throw new BooksException(
                                $"{leg.Transfer.HoldId} expired {-late} µs before its time."));
                    }
                }
            }
        }

        return expiries;
    }
}
