using System.Numerics;
using Ledger.Cli.Import;
using Ledger.Testing;

namespace Ledger.Cli.Tests;

/// <summary>Somebody's real books: what is imported must be what another program makes of them, byte for
/// byte.</summary>
/// <remarks>
/// The independent balances follow two habits of ledger and hledger, which import and balances therefore share: virtual
/// postings, written <c>_account_</c>, count on the account itself; and a name with several assets lists those that are
/// not zero.
/// </remarks>
public sealed class RealBooksTests
{
    private static readonly string PostingsFile = Path.Combine(AppContext.BaseDirectory, "books", "books.postings.csv");
    private static readonly string BalancesFile = Path.Combine(AppContext.BaseDirectory, "books", "books.balances.csv");

    [Fact]
    public void The_plan_nets_to_the_independent_balances()
    {
        var plan = Plan();
        var balances = plan.Accounts.ToDictionary(static account => account.Spec.Address, static _ => BigInteger.Zero);
        foreach (var (_, transfer) in plan.Transfers)
        {
            balances[transfer.DebitAccount] += transfer.Amount;
            balances[transfer.CreditAccount] -= transfer.Amount;
        }

        plan.Netted.ShouldBeEmpty();
        foreach (var line in File.ReadAllLines(BalancesFile).Skip(1))
        {
            var cells = line.Split(',');
            balances[cells[0]].ToString(System.Globalization.CultureInfo.InvariantCulture).ShouldBe(cells[2], line);
            balances.Remove(cells[0]);
        }

        balances.Values.ShouldAllBe(static balance => balance.IsZero);
    }

    [Fact]
    public async Task Importing_twice_through_the_command_line_gives_the_balances_once()
    {
        await using var server = await FakeServer.InMemoryAsync();
        var plan = Plan();

        var first = await server.CliAsync("import", PostingsFile, "--output", "json");
        var second = await server.CliAsync("import", PostingsFile, "--output", "json");
        var balances = await server.CliAsync("balances", "--output", "csv");
        var all = await server.CliAsync("balances", "--all", "--output", "csv");

        first.ExitCode.ShouldBe(0, first.Error);
        first.Error.ShouldContain(
            "_845ac5d9910830a5764c934bf791195b0fcd91f4_:USD is written as a virtual posting and is booked on "
            + "845ac5d9910830a5764c934bf791195b0fcd91f4:USD.");
        ((int)first.Json["accounts"]!["opened"]!).ShouldBe(plan.Accounts.Count);
        ((int)first.Json["transfers"]!["created"]!).ShouldBe(plan.Transfers.Count);
        second.ExitCode.ShouldBe(0, second.Error);
        ((int)second.Json["accounts"]!["existing"]!).ShouldBe(plan.Accounts.Count);
        ((int)second.Json["transfers"]!["existing"]!).ShouldBe(plan.Transfers.Count);
        ((int)second.Json["transfers"]!["created"]!).ShouldBe(0);
        server.Ledger.TransferCount.ShouldBe(
            plan.Transfers.Count + plan.Transactions.Count, "and an entry for each key");
        balances.Out.ShouldBe(File.ReadAllText(BalancesFile));
        all.Out.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length
            .ShouldBe(plan.Accounts.Count + plan.Register.Accounts.Count + 1);
    }

    [Fact]
    public void Virtual_postings_are_kept_apart_when_that_is_asked_for()
    {
        var bytes = File.ReadAllBytes(PostingsFile);
        PostingFileReader.Read(PostingsFile, bytes, out _, PostingFormat.Default with { KeepVirtual = true })
            .ShouldNotBeNull()
            .VirtualAccounts.ShouldBeEmpty();
        VirtualPostings.AccountOf("_food_:USD", "USD/2").ShouldBe("food:USD");
        VirtualPostings.AccountOf("[food]", "USD/2").ShouldBe("food");
        VirtualPostings.AccountOf("(food)", "USD/2").ShouldBe("food");
        VirtualPostings.AccountOf("_food:USD", "USD/2").ShouldBe("_food:USD");
        VirtualPostings.AccountOf("__", "USD/2").ShouldBe("__");
    }

    private static ImportPlan Plan()
    {
        var file = PostingFileReader.Read(PostingsFile, File.ReadAllBytes(PostingsFile), out var errors);
        errors.ShouldBeEmpty();
        return ImportPlan.Of(file!, "import");
    }
}
