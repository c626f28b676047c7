using System.Text.Json.Nodes;
using Ledger.Cli.Output;

namespace Ledger.Cli.Import;

/// <summary>What an import did.</summary>
internal sealed class ImportSummary
{
    public int AccountsOpened;
    public int AccountsExisting;
    public int TransactionsCreated;
    public int TransactionsExisting;
    public int TransactionsRejected;
    public int TransactionsUnknown;
    public int TransactionsNotSent;
    public int TransfersCreated;
    public int TransfersExisting;
    public int TransfersRejected;
    public int TransfersUnknown;
    public int TransfersNotSent;

    public void Write(CliContext context, string format)
    {
        if (format == GlobalOptions.Json)
        {
            Json.Write(context.Out, new JsonObject
            {
                ["accounts"] = new JsonObject { ["opened"] = AccountsOpened, ["existing"] = AccountsExisting },
                ["transactions"] = new JsonObject
                {
                    ["created"] = TransactionsCreated,
                    ["existing"] = TransactionsExisting,
                    ["rejected"] = TransactionsRejected,
                    ["unknown"] = TransactionsUnknown,
                    ["notSent"] = TransactionsNotSent,
                },
                ["transfers"] = new JsonObject
                {
                    ["created"] = TransfersCreated,
                    ["existing"] = TransfersExisting,
                    ["rejected"] = TransfersRejected,
                    ["unknown"] = TransfersUnknown,
                    ["notSent"] = TransfersNotSent,
                },
            });
            return;
        }

        Tables.WriteOne(
            context,
            ("accounts opened", AccountsOpened.ToString()),
            ("accounts existing", AccountsExisting.ToString()),
            ("transactions created", TransactionsCreated.ToString()),
            ("transactions existing", TransactionsExisting.ToString()),
            ("transactions rejected", TransactionsRejected.ToString()),
            ("transactions unknown", TransactionsUnknown.ToString()),
            ("transactions not sent", TransactionsNotSent.ToString()),
            ("transfers created", TransfersCreated.ToString()),
            ("transfers existing", TransfersExisting.ToString()),
            ("transfers rejected", TransfersRejected.ToString()),
            ("transfers unknown", TransfersUnknown.ToString()),
            ("transfers not sent", TransfersNotSent.ToString()));
    }
}
