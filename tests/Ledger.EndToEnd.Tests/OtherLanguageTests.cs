using Ledger.EndToEnd.Tests.Support;
using Xunit.Abstractions;

namespace Ledger.EndToEnd.Tests;

/// <summary>Goal: the contract is enough for a client in another language. Method: a JavaScript program, which has
/// nothing but the address and learns the rest by reflection, against a real node; it is installed from the npm
/// registry as its lock file says.</summary>
[Collection(SharedNodeCollection.Name)]
public sealed class OtherLanguageTests(SharedNode shared, ITestOutputHelper output)
{
    [Fact]
    public async Task JavaScript_client_learns_the_api_by_reflection_and_does_everything()
    {
        var npm = Programs.OnPath("npm");
        var javaScript = Programs.OnPath("node");
        (npm is not null && javaScript is not null).ShouldBeTrue(
            "This test needs Node.js and npm on the path, for example by: apt-get install nodejs npm");
        using var copy = new Store(Database.Sqlite);
        var source = Path.Combine(AppContext.BaseDirectory, "clients", "node");
        foreach (var file in Directory.GetFiles(source))
        {
            File.Copy(file, Path.Combine(copy.Root, Path.GetFileName(file)));
        }

        // Nothing that is installed needs a script of its own.
        var installed = await Programs.RunAsync(npm!, copy.Root, "ci", "--ignore-scripts", "--no-audit", "--no-fund");
        installed.ExitCode.ShouldBe(0, $"npm ci needs the npm registry.\n{installed.All}");

        var ended = await Programs.RunAsync(
            javaScript!, copy.Root, "index.mjs", shared.Node.Grpc.Authority, SharedNode.NewName());

        output.WriteLine(ended.All);
        ended.ExitCode.ShouldBe(0, ended.All);
        ended.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)[1..].ShouldBe(
        [
            "opened: ACCOUNT_STATUS_CREATED ACCOUNT_STATUS_CREATED",
            "unary: TRANSFER_STATUS_CREATED TRANSFER_STATUS_EXISTS",
            "batch: TRANSFER_STATUS_CREATED TRANSFER_STATUS_EXCEEDS_CREDITS TRANSFER_STATUS_CREATED",
            "stream: 49 created, the last: AMOUNT_NEGATIVE",
            "account: js -90071992547409992 of 52 entries, available 90071992547409992",
            "transfer: TRANSFER_STATUS_CREATED 90071992547409931 from node.js",
            "statement: 52 entries on 3 pages, the last balance -90071992547409992",
            "bad amount: INVALID_ARGUMENT ledger AMOUNT_NOT_A_NUMBER not_applied",
            "bad address: INVALID_ARGUMENT ledger MALFORMED_ADDRESS not_applied",
        ]);
        foreach (var service in new[]
        {
            "ledger.v1.AccountService", "ledger.v1.TransferService", "ledger.v1.TransactionService",
            "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection",
        })
        {
            ended.Out.Split('\n')[0].Split(' ').ShouldContain(service);
        }
    }
}
