using System.Net;
using System.Text;
using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: what an account has prepared reaches the other node (R17): a transaction that fits into a row and not
/// into a message would be in doubt for ever, and with it every account that takes part. Method: two nodes as
/// processes; the largest transactions that there may be go from each of some accounts to each of some others, so that
/// coordinator, participant and last agent are on different nodes; and one that is larger, as it once was
/// prepared.</summary>
[Collection(ClusterCollection.Name)]
public sealed class LargeMessageTests
{
    private const int Accounts = 6;
    private const int Legs = 460;

    // As long as an address may be, since a row leaves its own out and a message does not.
    private static readonly string[] Addresses =
        [.. Enumerable.Range(0, Accounts).Select(static i => $"large:{i}:".PadRight(128, 'y'))];

    [Fact]
    public async Task The_largest_transactions_are_committed_across_nodes_and_larger_ones_leave_nothing_in_doubt()
    {
        await using var nodes = await NodeCluster.StartAsync(2);
        using var client = nodes.Connect();
        var opened = await client.OpenAccountsAsync(
            [.. Addresses.Select(static address => new AccountSpec { Address = address, Asset = "USD/2", Code = 1 })]);
        opened.ShouldAllBe(static outcome => outcome.IsOpen);
        var patient = new RequestOptions { Timeout = TimeSpan.FromSeconds(50), RetryUnknownFor = Until.Patience };

        for (var i = 0; i < Accounts; i++)
        {
            // One leg of the least to a third account, which then is a participant.
            var (coordinator, last, participant) = (
                Addresses[i], Addresses[(i + 1) % Accounts], Addresses[(i + 2) % Accounts]);
            var transaction = Transaction.Of(
                TransferIds.New(),
                [Leg(coordinator, participant, ""),
                    .. Enumerable.Range(0, Legs).Select(n => Leg(coordinator, last, $"{n}"))]);
            var result = await client.PostTransactionAsync(transaction, patient);
            result.Status.ShouldBeOneOf(TransferStatus.Created, TransferStatus.Exists);
            var record = await client.GetTransactionAsync(coordinator, transaction.Id);
            record!.Transaction.Legs.Count.ShouldBe(Legs + 1);
        }

        // What fitted into a row of 16 MiB and not into a frame of as many.
        var (from, to) = (Addresses[0], Addresses[1]);
        using var http = new HttpClient { BaseAddress = nodes[0].Json };
        using var body = new StringContent(Old(from, to, 8_189, 1_600), Encoding.UTF8, "application/json");
        using (var refused = await http.PostAsync("/v1/transactions", body))
        {
            refused.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
            (await refused.Content.ReadAsStringAsync()).ShouldContain("REQUEST_TOO_LARGE");
        }

        using var smaller = new StringContent(Old(from, to, 2_000, 1_600), Encoding.UTF8, "application/json");
        using (var refused = await http.PostAsync("/v1/transactions", smaller))
        {
            refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
            (await refused.Content.ReadAsStringAsync()).ShouldContain("TRANSACTION_TOO_LARGE");
        }

        foreach (var address in Addresses)
        {
            var account = await client.GetAccountAsync(address);
            account!.EntryCount.ShouldBe((2UL * Legs) + 2);
            account.Balances.DebitsInDoubt.ShouldBe(default);
        }

        string.Concat(Enumerable.Range(0, nodes.Count).Select(node => nodes[node].Output))
            .ShouldNotContain("versized");
    }

    private static Transfer Leg(string debit, string credit, string text) => new()
    {
        Id = TransferIds.New(),
        DebitAccount = debit,
        CreditAccount = credit,
        Amount = 1,
        Asset = "USD/2",
        Code = 1,
        Metadata = Enumerable.Range(0, text.Length == 0 ? 0 : 16).ToDictionary(
            static i => $"k{i:00}", i => $"{text}".PadRight(240, (char)('a' + i))),
    };

    private static string Old(string debit, string credit, int legs, int bytes)
    {
        var metadata = string.Join(
            ',', Enumerable.Range(0, bytes / 200).Select(static i => $"\"k{i}\":\"{new string('x', 190)}\""));
        var transfer = "\"code\":1,\"asset\":\"USD/2\",\"amount\":\"1\""
            + $",\"debitAccount\":\"{debit}\",\"creditAccount\":\"{credit}\",\"metadata\":{{{metadata}}}";
        var leg = "{\"transfer\":{" + transfer + "}}";
        return $"{{\"id\":\"{TransferIds.New()}\",\"legs\":[{string.Join(',', Enumerable.Repeat(leg, legs))}]}}";
    }
}
