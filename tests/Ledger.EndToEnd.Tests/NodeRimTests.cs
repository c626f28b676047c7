using System.Globalization;
using System.Text.Json.Nodes;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Ledger.Client;
using Ledger.EndToEnd.Tests.Support;
using Ledger.Tests.Shared;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: what guards the core guards a node that was started as the README says: ids of any age, times that
/// can't be printed, holds without number, large rows, snapshots, and what every write says of itself. Method: one node
/// for each store, small limits, the client and the raw contract; and the node started again in between.</summary>
public abstract class NodeRimTests(RimNode rim)
{
    // The last moment that has whole microseconds and can be printed, and one that is after it.
    private static readonly Timestamp s_last = new() { Seconds = 253_402_300_799, Nanos = 999_999_000 };
    private static readonly Timestamp s_tooLate = new() { Seconds = 253_402_300_799, Nanos = 999_999_001 };

    private static int names;

    private readonly string name = $"rim{Interlocked.Increment(ref names)}";

    private LedgerClient Client => rim.Client;

    [Fact]
    public async Task Ids_of_any_age_are_taken_once_and_cost_no_other_transfer_a_look_up()
    {
        var (shop, payer) = await OpenAsync("shop", "payer");
        var now = TimeProvider.System.GetUtcNow();
        var early = New(payer, shop, 5) with { Id = Guid.CreateVersion7(now.AddMinutes(59)) };
        (await Client.PostTransferAsync(early)).Status.ShouldBe(TransferStatus.Created);
        var before = await rim.LookupsAsync();
        await FillAsync(payer, shop);
        (await rim.LookupsAsync()).ShouldBe(before, "more than memory holds, and each fresh one is new without a look");

        var (idle, other) = await OpenAsync("idle", "other");
        var future = New(idle, other, 7) with { Id = Guid.CreateVersion7(now.AddMinutes(75)) };
        (await Client.PostTransferAsync(future)).Status.ShouldBe(TransferStatus.IdFromTheFuture);

        var old = New(payer, shop, 3) with { Id = Guid.CreateVersion7(now.AddDays(-30)) };
        var first = await Client.PostTransferAsync(old);
        first.Status.ShouldBe(TransferStatus.Created);
        await FillAsync(payer, shop);
        await CheckAsync();
        (await rim.LookupsAsync()).ShouldBeGreaterThan(before, "the retry was answered from the journal");
        await rim.RestartAsync();
        await CheckAsync();

        // No node remembers whose it is; and it is not said that there is none.
        var (status, answer) = await rim.GetAsync($"/v1/transfers/{old.Id}");
        (status, RimNode.ReasonOf(answer)).ShouldBe((400, "TRANSFER_NOT_REMEMBERED"));
        (status, answer) = await rim.GetAsync($"/v1/accounts/{shop}/transfers/{old.Id}");
        (status, (string)answer["record"]!["transfer"]!["amount"]!).ShouldBe((200, "3"));
        (await Client.GetAccountAsync(shop))!.Balances.CreditsPosted.ShouldBe((UInt128)(5 + 3 + (2 * Fill)));
        (await rim.Store.CountJournalRowsAsync(idle)).ShouldBe(1, "nothing is recorded of what was refused");
        (await rim.Store.CountJournalRowsAsync(other)).ShouldBe(1);

        async Task CheckAsync()
        {
            var again = await Client.PostTransferAsync(old);
            (again.Status, again.Amount, again.CreateTime)
                .ShouldBe((TransferStatus.Exists, (UInt128)3, first.CreateTime));
            (await Client.PostTransferAsync(early)).Status.ShouldBe(TransferStatus.Exists);
            (await Client.PostTransferAsync(future)).Status.ShouldBe(TransferStatus.IdFromTheFuture);
        }
    }

    [Fact]
    public async Task A_time_that_can_not_be_printed_is_refused_by_name_and_the_last_that_can_is_kept()
    {
        var (a, b) = await OpenAsync("a", "b");
        var freeze = new V1.FreezeAccountRequest
        {
            Address = a, Freeze = new V1.AccountFreeze { Credits = true, EndTime = s_tooLate },
        };
        await ShouldFailAsync("MALFORMED_TIME", async () => await rim.Accounts.FreezeAccountAsync(freeze));
        var post = new V1.PostTransferRequest
        {
            Transfer = new V1.Transfer
            {
                Id = TransferIds.New().ToString(), DebitAccount = a, CreditAccount = b, Amount = "1", Code = 1,
                EffectiveTime = s_tooLate,
            },
        };
        await ShouldFailAsync("MALFORMED_TIME", async () => await rim.Transfers.PostTransferAsync(post));
        var hold = New(a, b, 1) with { Kind = TransferKind.Hold };
        (await Client.PostTransferAsync(hold)).Status.ShouldBe(TransferStatus.Created);
        var extend = new V1.ExtendHoldRequest { HoldId = hold.Id.ToString(), Account = a, ExpireTime = s_tooLate };
        await ShouldFailAsync("MALFORMED_TIME", async () => await rim.Transfers.ExtendHoldAsync(extend));

        const string tooLate = "9999-12-31T23:59:59.999999001Z";
        var (status, answer) = await rim.PostAsync(
            $"/v1/accounts/{a}:freeze", new JsonObject { ["credits"] = true, ["endTime"] = tooLate });
        (status, RimNode.ReasonOf(answer)).ShouldBe((400, "MALFORMED_TIME"));
        (status, answer) = await rim.PostAsync("/v1/transfers", new JsonObject
        {
            ["id"] = TransferIds.New().ToString(), ["debitAccount"] = a, ["creditAccount"] = b, ["amount"] = "1",
            ["code"] = 1, ["effectiveTime"] = tooLate,
        });
        (status, RimNode.ReasonOf(answer)).ShouldBe((400, "MALFORMED_TIME"));
        (await Client.GetAccountAsync(a))!.EntryCount.ShouldBe(0ul);

        // The last one is kept as it is, and comes back by both ways.
        freeze.Freeze.EndTime = s_last;
        (await rim.Accounts.FreezeAccountAsync(freeze)).Result.Status.ShouldBe(V1.AccountStatus.Changed);
        post.Transfer.EffectiveTime = s_last;
        (await rim.Transfers.PostTransferAsync(post)).Result.Status.ShouldBe(V1.TransferStatus.Created);
        extend.ExpireTime = s_last;
        (await rim.Transfers.ExtendHoldAsync(extend)).Result.Status.ShouldBe(V1.TransferStatus.OverflowsTimeout);
        (await rim.Accounts.GetAccountAsync(new V1.GetAccountRequest { Address = a })).Account.Freeze.EndTime
            .ShouldBe(s_last);
        (status, answer) = await rim.GetAsync($"/v1/accounts/{a}");
        (status, (string)answer["account"]!["freeze"]!["endTime"]!).ShouldBe((200, "9999-12-31T23:59:59.999999Z"));
        (status, answer) = await rim.GetAsync($"/v1/accounts/{a}/statement");
        (status, (string)answer["entries"]![0]!["transfer"]!["effectiveTime"]!)
            .ShouldBe((200, "9999-12-31T23:59:59.999999Z"));
        (status, _) = await rim.GetAsync("/v1/accounts");
        status.ShouldBe(200);
    }

    [Fact]
    public async Task Holds_are_limited_between_two_accounts_and_of_one_until_one_ends()
    {
        var (payer, shop) = await OpenAsync("payer", "shop");
        var (other, third) = await OpenAsync("other", "third");
        var holds = new List<Transfer>();
        for (var i = 0; i < RimNode.HoldsWithCounterparty; i++)
        {
            await HoldAsync(shop, TransferStatus.Created);
        }

        await HoldAsync(shop, TransferStatus.ExceedsHoldsWithCounterparty);
        for (var i = RimNode.HoldsWithCounterparty; i < RimNode.HoldsOfAccount; i++)
        {
            await HoldAsync(other, TransferStatus.Created);
        }

        await HoldAsync(third, TransferStatus.ExceedsHoldsOfAccount);

        // A void makes room for one, with whom it was and with others.
        (await Client.PostTransferAsync(Transfer.VoidHold(TransferIds.New(), holds[0].Id)))
            .Status.ShouldBe(TransferStatus.Created);
        await HoldAsync(third, TransferStatus.Created);
        await HoldAsync(shop, TransferStatus.ExceedsHoldsOfAccount);
        (await Client.GetAccountAsync(payer))!.HoldCount.ShouldBe(RimNode.HoldsOfAccount);
        (await Client.GetAccountAsync(shop))!.HoldCount.ShouldBe(RimNode.HoldsWithCounterparty - 1);

        async Task HoldAsync(string to, TransferStatus expected)
        {
            var hold = New(payer, to, 1) with { Kind = TransferKind.Hold };
            holds.Add(hold);
            (await Client.PostTransferAsync(hold)).Status.ShouldBe(expected);
        }
    }

    /// <summary>A change has no id by which a late copy would be known: so who has no answer sends no copy.</summary>
    [Fact]
    public async Task A_freeze_whose_answer_is_lost_is_sent_by_nobody_again()
    {
        var (a, _) = await OpenAsync("a", "b");
        await using var patient = new LedgerClient(new LedgerClientOptions { Addresses = [rim.Grpc] });
        await rim.Store.ExecuteAsync("ALTER TABLE journal RENAME TO journal_away");
        try
        {
            var failed = await Should.ThrowAsync<LedgerClientException>(
                () => patient.FreezeAccountAsync(a, new AccountFreeze { Debits = true, Reason = "suspicious" }));
            (failed.OutcomeUnknown, failed.Reason).ShouldBe((true, "JOURNAL_UNAVAILABLE"));

            // A second one would have met an account that can't be read.
            var health = await HealthAsync();
            health.ShouldContain("has failed 1 writes");
            health.ShouldNotContain(" reads in ");
        }
        finally
        {
            await rim.Store.ExecuteAsync("ALTER TABLE journal_away RENAME TO journal");
        }

        await Until.TrueAsync(async () =>
        {
            try
            {
                return (await Client.UnfreezeAccountAsync(a)).IsApplied;
            }
            catch (LedgerClientException e) when (e.Code is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
            {
                return false;
            }
        });
        (await Client.GetAccountAsync(a))!.Freeze.ShouldBeNull();

        async Task<string> HealthAsync()
        {
            using var response = await rim.Http.GetAsync(new Uri("/health", UriKind.Relative));
            return await response.Content.ReadAsStringAsync();
        }
    }

    /// <summary>Snapshots under a load that never pauses, rows larger than a page, and facts: shown by what the node
    /// knows when it begins again.</summary>
    [Fact]
    public async Task A_node_that_begins_again_has_every_fact_and_wakes_its_accounts_from_their_snapshots()
    {
        var (facts, peer) = await OpenAsync("facts", "peer");
        var check = await WriteFactsAsync(facts, peer);
        var (hot, cold) = await OpenAsync("hot", "cold");
        var entries = await LoadUntilSnapshotAsync(hot, cold);
        var (large, payees) = await OpenAsync("large", "payees");
        var last = await WriteLargeAsync(large, payees);
        var identity = await IdentityAsync();

        // A row that a replay without the snapshot would stumble over.
        await rim.RestartAsync(async () =>
        {
            var stands = (await rim.Store.SnapshotRowAsync(hot)).ShouldNotBeNull();
            stands.ShouldBeGreaterThan(1);
            await rim.Store.ExecuteAsync(
                $"UPDATE journal SET message = substr(message, 1, 20) WHERE persistence_id = 'ledger-account-{hot}'"
                + $" AND sequence_number < {stands}");
        });
        (await IdentityAsync()).ShouldBe(identity);
        await CheckUnreadableSnapshotsAsync(hot);
        (await Client.GetAccountAsync(hot))!.EntryCount.ShouldBe((ulong)entries);
        await check();
        (await Client.GetAccountAsync(large))!.EntryCount.ShouldBe((ulong)(LargeRows * LargeLegs));
        var newest = new StatementQuery { NewestFirst = true, PageSize = 1 };
        await foreach (var entry in Client.ListStatementAsync(large, newest))
        {
            (entry.Transfer.Id, entry.Transfer.Metadata["k"].Length).ShouldBe((last, 250));
            break;
        }
    }

    private const int Fill = 1_500;
    private const int LargeRows = 6;
    private const int LargeLegs = 450;

    private static Transfer New(string debit, string credit, UInt128 amount) => new()
    {
        Id = TransferIds.New(), DebitAccount = debit, CreditAccount = credit, Amount = amount, Asset = "USD/2",
        Code = 1,
    };

    private static async Task ShouldFailAsync(string reason, Func<Task> call)
    {
        var failure = (await Should.ThrowAsync<RpcException>(call)).GetRpcStatus().ShouldNotBeNull();
        failure.GetDetail<ErrorInfo>().Reason.ShouldBe(reason);
        failure.GetDetail<ErrorInfo>().Metadata["outcome"].ShouldBe("not_applied");
    }

    // More than memory holds, and each made when it is sent.
    private async Task FillAsync(string debit, string credit)
    {
        for (var sent = 0; sent < Fill; sent += 250)
        {
            var outcomes = await Client.PostTransfersAsync(
                [.. Enumerable.Range(0, 250).Select(_ => New(debit, credit, 1))]);
            outcomes.ShouldAllBe(static one => one.Status == TransferStatus.Created);
        }
    }

    private async Task<(string, string)> OpenAsync(string one, string other)
    {
        var spec = new AccountSpec { Address = $"{name}:{one}", Asset = "USD/2", Code = 1 };
        var opened = await Client.OpenAccountsAsync([spec, spec with { Address = $"{name}:{other}" }]);
        opened.ShouldAllBe(static outcome => outcome.Status == AccountStatus.Created && outcome.Position.Length > 0);
        return ($"{name}:{one}", $"{name}:{other}");
    }

    private async Task<Func<Task>> WriteFactsAsync(string debit, string credit)
    {
        var effective = new DateTimeOffset(2024, 2, 29, 12, 0, 0, TimeSpan.Zero);
        var transfer = New(debit, credit, 40) with
        {
            EffectiveTime = effective,

            // 4,096 bytes in all.
            Metadata = Enumerable.Range(0, 16).ToDictionary(
                static i => i.ToString("00", CultureInfo.InvariantCulture), static i => new string('m', 254)),
        };
        var tooMuch = transfer with
        {
            Id = TransferIds.New(),
            Metadata = transfer.Metadata.ToDictionary(static p => p.Key, static p => p.Value + "m"),
        };
        (await Should.ThrowAsync<LedgerClientException>(() => Client.PostTransferAsync(tooMuch)))
            .Reason.ShouldBe("METADATA_TOO_LARGE");
        await Client.PostTransferAsync(New(debit, credit, 2));
        var first = await Client.PostTransferAsync(transfer, new RequestOptions { ReturnBalances = true });
        first.Status.ShouldBe(TransferStatus.Created);
        first.Position.ShouldNotBeEmpty();
        var debitAfter = first.DebitAfter.ShouldNotBeNull();
        (debitAfter.Address, debitAfter.Balances.DebitsPosted, debitAfter.EntrySequence)
            .ShouldBe((debit, (UInt128)42, 2ul));
        first.CreditAfter.ShouldNotBeNull().Balances.CreditsPosted.ShouldBe((UInt128)42);
        var later = await Client.PostTransferAsync(New(debit, credit, 1), new RequestOptions { ReturnBalances = true });
        later.DebitAfter.ShouldNotBeNull().Balances.DebitsPosted.ShouldBe((UInt128)43);
        later.Position.ShouldNotBe(first.Position);
        return async () =>
        {
            var again = await Client.PostTransferAsync(transfer, new RequestOptions { ReturnBalances = true });
            (again.Status, again.Replayed, again.CreateTime).ShouldBe((TransferStatus.Exists, true, first.CreateTime));

            // They are of the row that a request writes, and this one has written none.
            (again.Position, again.DebitAfter).ShouldBe(("", null));
            var record = (await Client.GetTransferAsync(debit, transfer.Id)).ShouldNotBeNull();
            (record.Transfer.EffectiveTime, record.CreateTime, record.Principal)
                .ShouldBe((effective, first.CreateTime!.Value, ""));
            record.Transfer.Metadata.ShouldBe(transfer.Metadata, ignoreOrder: true);
            (await Client.PostTransferAsync(transfer with { EffectiveTime = effective.AddTicks(10) }))
                .Status.ShouldBe(TransferStatus.ExistsWithDifferentEffectiveTime);
            (await Client.GetAccountAsync(credit))!.Balances.CreditsPosted.ShouldBe((UInt128)43);

            // There is room for a name in the contract, and nobody has one before there is authentication.
            var (_, answer) = await rim.GetAsync($"/v1/accounts/{debit}/transfers/{transfer.Id}");
            answer["record"]!.AsObject().ContainsKey("principal").ShouldBeTrue(answer.ToJsonString());
        };
    }

    // Until there is one while all callers go on.
    private async Task<int> LoadUntilSnapshotAsync(string debit, string credit)
    {
        using var enough = new CancellationTokenSource();
        var posted = 0;
        var callers = Enumerable.Range(0, 16).Select(async _ =>
        {
            do
            {
                var outcomes = await Client.PostTransfersAsync(
                    [.. Enumerable.Range(0, 50).Select(_ => New(debit, credit, 1))]);
                outcomes.ShouldAllBe(static one => one.Status == TransferStatus.Created);
                Interlocked.Add(ref posted, outcomes.Count);
            }
            while (!enough.IsCancellationRequested);
        }).ToArray();
        await Until.TrueAsync(async () => await rim.Store.SnapshotRowAsync(debit) is not null);
        await enough.CancelAsync();
        await Task.WhenAll(callers);
        return posted;
    }

    private async Task<Guid> WriteLargeAsync(string debit, string credit)
    {
        var last = Guid.Empty;
        for (var row = 0; row < LargeRows; row++)
        {
            var legs = Enumerable.Range(0, LargeLegs).Select(_ => New(debit, credit, 1) with
            {
                Metadata = Enumerable.Range(0, 16).ToDictionary(
                    static i => i == 0 ? "k" : i.ToString("00", CultureInfo.InvariantCulture),
                    static _ => new string('m', 250)),
            }).ToArray();
            last = legs[^1].Id;
            (await Client.PostTransactionAsync(Transaction.Of(TransferIds.New(), legs)))
                .Status.ShouldBe(TransferStatus.Created);
        }

        return last;
    }

    // D9: to wake without it would be to read all of the past, or here a row that can't be read.
    private async Task CheckUnreadableSnapshotsAsync(string account)
    {
        // A node that has just begun may have woken it by itself, for what it had in doubt; not a second time.
        for (var restarts = 0; !await FailsWithoutSnapshotsAsync(account); restarts++)
        {
            restarts.ShouldBeLessThan(3);
            await rim.RestartAsync();
        }

        await Until.TrueAsync(async () =>
        {
            try
            {
                return await Client.GetAccountAsync(account) is not null;
            }
            catch (LedgerClientException e) when (e.Reason == "JOURNAL_UNAVAILABLE")
            {
                return false;
            }
        });
    }

    // Whether it is asleep, so that it is read from where nothing can be read now.
    private async Task<bool> FailsWithoutSnapshotsAsync(string account)
    {
        await rim.Store.ExecuteOnSnapshotsAsync("ALTER TABLE snapshot RENAME TO snapshot_away");
        try
        {
            await Client.GetAccountAsync(account);
            return false;
        }
        catch (LedgerClientException failed)
        {
            failed.Reason.ShouldBe("JOURNAL_UNAVAILABLE");
            return true;
        }
        finally
        {
            await rim.Store.ExecuteOnSnapshotsAsync("ALTER TABLE snapshot_away RENAME TO snapshot");
        }
    }

    private async Task<string> IdentityAsync()
    {
        var health = await rim.JournalHealthAsync();
        var from = health.IndexOf("The journal of ledger ", StringComparison.Ordinal);
        return health[from..health.IndexOf(" confirms writes", from, StringComparison.Ordinal)];
    }
}
