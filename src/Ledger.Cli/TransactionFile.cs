using System.Text;
using System.Text.Json;
using Ledger.Client;

namespace Ledger.Cli;

/// <summary>Reads transactions in the JSON form of the API: one document, or several after one another, such as one a
/// line.</summary>
internal static class TransactionFile
{
    /// <summary>Reads them all, or says what is wrong with the first that is none.</summary>
    /// <param name="text">The file.</param>
    /// <param name="error">What is wrong, and on which line; null when nothing is.</param>
    public static IReadOnlyList<Transaction> Read(string text, out (int Line, string Message)? error)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var transactions = new List<Transaction>();
        var line = 1;
        var counted = 0;
        error = null;
        try
        {
            var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { AllowMultipleValues = true });
            while (reader.Read())
            {
                var start = (int)reader.TokenStartIndex;
                line += bytes.AsSpan(counted, start - counted).Count((byte)'\n');
                counted = start;
                reader.Skip();
                var document = Encoding.UTF8.GetString(bytes, start, (int)reader.BytesConsumed - start);
                transactions.Add(Check(Transaction.ParseJson(document)));
            }
        }
        catch (JsonException failure)
        {
            error = ((int)(failure.LineNumber ?? 0) + 1, "this is not JSON.");
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

    private static Transaction Check(Transaction transaction) =>
        transaction.Legs.Count is >= 1 and <= LedgerClient.BatchMax
            ? transaction
            : throw new FormatException(
                $"A transaction has 1 to {LedgerClient.BatchMax} legs; this one has {transaction.Legs.Count}.");
}
