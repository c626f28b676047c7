using Ledger.Client;

namespace Ledger.Cli.Import;

/// <summary>What an import does: accounts to open and transactions to post, the same ones whenever it is planned
/// again.</summary>
/// <param name="Register">The register of the namespace.</param>
/// <param name="Accounts">The accounts of the books, in the order of the file.</param>
/// <param name="Transactions">The transactions, in the order of the file.</param>
/// <param name="Netted">What no transfer can show.</param>
internal sealed record ImportPlan(
    ImportRegister Register,
    IReadOnlyList<PlannedAccount> Accounts,
    IReadOnlyList<PlannedTransaction> Transactions,
    IReadOnlyList<NettedPosting> Netted)
{
    /// <summary>All transfers of all transactions, without the entries in the register.</summary>
    public IReadOnlyList<PlannedTransfer> Transfers { get; } =
        [.. Transactions.SelectMany(static transaction => transaction.Transfers)];

    /// <summary>Plans the import of a valid file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="importNamespace">What keeps the ids of this import apart from those of others.</param>
    /// <param name="accountCode">The code of its accounts.</param>
    public static ImportPlan Of(PostingFile file, string importNamespace, uint accountCode = 1)
    {
        var register = new ImportRegister(importNamespace);
        var accounts = new Dictionary<string, PlannedAccount>(StringComparer.Ordinal);
        var transactions = new List<PlannedTransaction>();
        var netted = new List<NettedPosting>();
        foreach (var transaction in file.Transactions)
        {
            foreach (var posting in transaction.Postings)
            {
                accounts.TryAdd(posting.Account, new PlannedAccount(posting.Line, new AccountSpec
                {
                    Address = posting.Account,
                    Asset = posting.Asset,
                    Code = accountCode,
                }));
            }

            var ids = ImportIds.Of(importNamespace, transaction.Key, transaction.Attempt);
            var (reference, metadata) = Labels(transaction);
            var transfers = new List<PlannedTransfer>();
            foreach (var move in TransactionSplitter.Split(transaction, netted))
            {
                transfers.Add(new PlannedTransfer(move.Line, new Transfer
                {
                    Id = ids.Of(transfers.Count),
                    DebitAccount = move.Debit,
                    CreditAccount = move.Credit,
                    Amount = (UInt128)move.Amount,
                    Asset = move.Asset,
                    Code = transaction.Code,
                    Reference = reference,
                    Metadata = metadata,
                    EffectiveTime = transaction.Time,
                }));
            }

            transactions.Add(new PlannedTransaction(
                transaction.Line, transaction.Key, transaction.Attempt, ids.OfTransaction,
                register.Entry(transaction.Key),
                transfers));
        }

        return new ImportPlan(register, [.. accounts.Values], transactions, netted);
    }

    private static (string Reference, IReadOnlyDictionary<string, string> Metadata) Labels(
        PostingTransaction transaction)
    {
        var metadata = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["transaction"] = transaction.Key,
        };
        if (transaction.Description.Length <= Syntax.ReferenceLengthMax)
        {
            return (transaction.Description, metadata);
        }

        // Too long for a reference, and never cut: metadata has room for it.
        metadata[EarlierImport.DescriptionKey] = transaction.Description;
        return ("", metadata);
    }
}
