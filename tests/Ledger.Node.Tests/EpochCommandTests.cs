using Ledger.Sqlite;

namespace Ledger.Node.Tests;

/// <summary>What an operator does after a loss: a named act, which is kept, and without which the ledger does not
/// serve.</summary>
public sealed class EpochCommandTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("ledger-epoch-").FullName;

    private string Setting => $"--Ledger:Sqlite:Path={Path.Combine(directory, "ledger.db")}";

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void An_epoch_is_begun_by_somebody_and_for_a_reason()
    {
        var output = new StringWriter();
        Prepare();
        EpochCommand.Run(["show", Setting], output).ShouldBe(0);
        output.ToString().ShouldContain("epoch 1");
        EpochCommand.Run(["begin", "--by", "Ada Lovelace", "--reason", "an older copy was put back", Setting], output)
            .ShouldBe(0);
        output.ToString().ShouldContain("epoch 2");
        output.ToString().ShouldContain("Ada Lovelace");
        output.ToString().ShouldContain("an older copy was put back");
        foreach (var incomplete in (string[][])[
            ["begin", Setting], ["begin", "--by", "me", Setting], ["begin", "--reason", "x", Setting],
            ["begin", "--by", " ", "--reason", "x", Setting],
            ["begin", "--by", "me", "--reason", new string('x', 257), Setting], ["end"]])
        {
            Should.Throw<SettingsException>(() => EpochCommand.Run(incomplete, output));
        }

        Open().ReadIdentity().Epoch.Number.ShouldBe(2);
    }

    [Fact]
    public void There_is_no_epoch_of_a_ledger_that_does_not_exist() =>
        Should.Throw<InvalidOperationException>(
            () => EpochCommand.Run(["begin", "--by", "me", "--reason", "x", Setting], TextWriter.Null));

    [Fact]
    public void A_node_that_serves_the_file_keeps_an_epoch_from_beginning()
    {
        var storage = Open();
        storage.Prepare();
        Should.Throw<InvalidOperationException>(
                () => EpochCommand.Run(["begin", "--by", "me", "--reason", "x", Setting], TextWriter.Null))
            .Message.ShouldContain("in use");
        storage.Dispose();
    }

    private void Prepare()
    {
        using var storage = Open();
        storage.Prepare();
    }

    private SqliteStorage Open() => new(Path.Combine(directory, "ledger.db"));
}
