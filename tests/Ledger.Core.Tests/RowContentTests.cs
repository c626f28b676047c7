using static Ledger.Core.Tests.OneAccount;

namespace Ledger.Core.Tests;

/// <summary>Goal: one row can always be shown in a statement (R17), so what its commits stand for is bounded too.
/// Method: a coordinator that hears of many long commits while none of their records is written.</summary>
public sealed class RowContentTests
{
    [Fact]
    public void A_row_takes_no_further_commit_once_what_it_commits_is_long()
    {
        var account = new OneAccount();
        var metadata = Metadata.Of(Enumerable.Range(0, 16).Select(static i =>
            new KeyValuePair<string, string>($"k{i:00}", new string('x', 250))));
        for (var i = 0; i < 6; i++)
        {
            var first = (i + 1) * 1_000;
            account.Take(new PostTransactionRequest(
                new Transaction(Id(first), [.. Enumerable.Range(1, 400).Select(n =>
                    TransactionLeg.Of(Plain(first + n, A, B, Amount.Of(1)) with { Metadata = metadata }))]),
                account.NextCaller(), account.In(60)));
        }

        var parts = account.Sent<CommitRequest>().Select(static one => one.Branch).ToArray();
        parts.Length.ShouldBe(6);
        account.WritesAtOnce = false;
        foreach (var branch in parts)
        {
            account.Take(new CommitResponse(branch.Key, branch.Digest, Committed: true, account.Now, null));
        }

        account.Runtime.Flush();
        account.Write();
        var commits = account.Rows.Select(static row => row.Events.Count(static one => one is TransactionCommitted))
            .ToArray();
        commits.Sum().ShouldBe(6);
        var content = account.Rows.Sum(static row => row.ContentSize) / 6;
        commits.Max().ShouldBe((int)((LedgerSizes.RowContentFull + content - 1) / content));
    }
}
