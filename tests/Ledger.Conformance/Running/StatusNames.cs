using System.Text;
using Ledger.Conformance.Grammar;
using Operation = Ledger.Conformance.Grammar.Operation;

namespace Ledger.Conformance.Running;

/// <summary>Names an answer as TigerBeetle does. It holds what one ledger has created, for the one answer that has
/// several names there: "other metadata".</summary>
internal sealed class StatusNames
{
    /// <summary>Rejections after which TigerBeetle does not take the id again: it answers <c>id_already_failed</c> to
    /// whatever comes with it. This ledger repeats the original reason to the one who sends the same again, and marks
    /// it as replayed, so that a lost answer can be asked for.</summary>
    private static readonly TransferStatus[] Transient =
    [
        TransferStatus.DebitAccountNotFound, TransferStatus.CreditAccountNotFound,
        TransferStatus.PendingTransferNotFound, TransferStatus.ExceedsCredits, TransferStatus.ExceedsDebits,
        TransferStatus.DebitAccountAlreadyClosed, TransferStatus.CreditAccountAlreadyClosed,
    ];

    private readonly Dictionary<(Operation Operation, UInt128 Id), EventRow> created = [];

    /// <summary>Names what became of a row, and remembers it when it was created.</summary>
    public string Name(EventRow row, BatchItemResult result)
    {
        var name = (row, result) switch
        {
            (AccountRow, { Opening: { } opening }) => NameOf(row, opening.Status),
            (TransferRow, { Transfer: { } transfer }) => NameOf(row, transfer),
            _ => "no outcome",
        };
        if (name == "created")
        {
            created[(row.Operation, row.Id)] = row;
        }

        return name;
    }

    /// <summary>A name such as <c>CodeMustNotBeZero</c> as the tables write it.</summary>
    internal static string Snake(string name)
    {
        var snake = new StringBuilder(name.Length + 8);
        foreach (var c in name)
        {
            if (char.IsAsciiLetterUpper(c) && snake.Length > 0)
            {
                snake.Append('_');
            }

            snake.Append(char.ToLowerInvariant(c));
        }

        return snake.ToString();
    }

    private string NameOf(EventRow row, AccountStatus status) => status switch
    {
        AccountStatus.ExistsWithDifferentReference => "exists_with_different_user_data_128",
        AccountStatus.ExistsWithDifferentMetadata => Difference(row),
        _ => Snake(status.ToString()),
    };

    private string NameOf(EventRow row, TransferResult result) => result.Status switch
    {
        var status when result.Replayed && Transient.Contains(status) => "id_already_failed",
        TransferStatus.ExistsWithDifferentReference => "exists_with_different_user_data_128",
        TransferStatus.ExistsWithDifferentMetadata => Difference(row),
        var status => Snake(status.ToString()),
    };

    // Which of the data that are metadata here differs first, in TigerBeetle's order.
    private string Difference(EventRow row)
    {
        if (!created.TryGetValue((row.Operation, row.Id), out var known))
        {
            return "exists_with_different_metadata";
        }

        if (Vocabulary.FlagsOf(row) != Vocabulary.FlagsOf(known))
        {
            return "exists_with_different_flags";
        }

        return DataOf(row).UserData64 != DataOf(known).UserData64 ? "exists_with_different_user_data_64"
            : DataOf(row).UserData32 != DataOf(known).UserData32 ? "exists_with_different_user_data_32"
            : "exists_with_different_metadata";
    }

    // A post or a void has its hold's data where it brings none.
    private (ulong UserData64, uint UserData32) DataOf(EventRow row)
    {
        var data = (row.UserData64, row.UserData32);
        return row is TransferRow { PostPending: true } or TransferRow { VoidPending: true }
            && created.TryGetValue((row.Operation, ((TransferRow)row).PendingId), out var hold)
            ? (data.UserData64 != 0 ? data.UserData64 : hold.UserData64,
               data.UserData32 != 0 ? data.UserData32 : hold.UserData32)
            : data;
    }
}
