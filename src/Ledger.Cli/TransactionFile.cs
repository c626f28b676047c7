using System.Text;
using System.Text.Json;
using Ledger.Client;

namespace Ledger.Cli;

/// <summary>Reads transactions in the JSON form of the API: one document, or several after one another, such as one a
/// line.</summary>
internal static class TransactionFile
{
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Reads them all, or says what is wrong with the first that is none.</summary>
    /// <param name="bytes">The file: as the body of a request, in UTF-8 without the mark of an encoding.</param>
    /// <param name="error">What is wrong, and on which line; null when nothing is.</param>
    public static IReadOnlyList<Transaction> Read(ReadOnlySpan<byte> bytes, out (int Line, string Message)? error)
    {
        var transactions = new List<Transaction>();
        var line = 1;
        var counted = 0;
        error = Mark(bytes);
        if (error is not null)
        {
            return [];
        }

        try
        {
            var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { AllowMultipleValues = true });
            while (reader.Read())
            {
                var start = (int)reader.TokenStartIndex;
                line += bytes[counted..start].Count((byte)'\n');
                counted = start;
                reader.Skip();
                var document = StrictUtf8.GetString(bytes[start..(int)reader.BytesConsumed]);
                transactions.Add(Check(Transaction.ParseJson(document)));
            }
        }
        catch (JsonException failure)
        {
            error = ((int)(failure.LineNumber ?? 0) + 1, Explain(failure));
        }
        catch (DecoderFallbackException)
        {
            error = (line, "this is not UTF-8.");
        }
        catch (FormatException failure)
        {
            error = (line, LedgerCli.OneLine(failure.Message));
        }

        if (error is null && transactions.Count == 0)
        {
            error = (1, "there is no transaction in it.");
        }

        return error is null ? transactions : [];
    }

    // An editor's mark, or a shell's encoding, is named: it looks like nothing at all.
    private static (int Line, string Message)? Mark(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0xEF, 0xBB, 0xBF, ..] => (1, "a byte order mark stands before the JSON; save the file as UTF-8 without one."),
        [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] => (1, "the file is in UTF-16 or UTF-32; save it as UTF-8."),
        _ => null,
    };

    /// <summary>Why it is not JSON, in the reader's words; the place that ends them is told otherwise.</summary>
    private static string Explain(JsonException failure)
    {
        var end = failure.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        var place = (failure.BytePositionInLine ?? 0) + 1;
        return $"this is not JSON at byte {place} of the line: "
            + LedgerCli.OneLine(end < 0 ? failure.Message : failure.Message[..end]);
    }

    private static Transaction Check(Transaction transaction) =>
        transaction.Legs.Count is >= 1 and <= LedgerClient.BatchMax
            ? transaction
            : throw new FormatException(
                $"A transaction has 1 to {LedgerClient.BatchMax} legs; this one has {transaction.Legs.Count}.");
}
