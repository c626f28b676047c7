using Microsoft.Extensions.Configuration;
using Npgsql;

namespace Ledger.Node.Tests;

public sealed class SettingsTests
{
    [Fact]
    public void Without_settings_there_is_SQLite_in_the_current_directory()
    {
        var settings = Read();
        settings.Ledger.Storage!.Description.ShouldBe(Path.GetFullPath("data/ledger.db"));
        settings.Ledger.Mode.ShouldBe(LedgerExecutionMode.Local);
        settings.GrpcEndpoint.Url.ShouldBe("http://127.0.0.1:5001");
        settings.HttpEndpoint.Url.ShouldBe("http://127.0.0.1:5000");
    }

    [Theory]
    [InlineData("ConnectionStrings:Ledger")]
    [InlineData("Ledger:PostgreSql:ConnectionString")]
    public void A_connection_string_chooses_PostgreSQL_and_its_secret_is_never_shown(string key)
    {
        var settings = Read((key, "Host=db;Username=u;Password=hidden"));
        settings.Ledger.Storage!.SupportsCluster.ShouldBeTrue();
        settings.DescribeAll().ShouldContain("Host=db");
        foreach (var text in (string[])[settings.Describe(), settings.DescribeAll()])
        {
            text.ShouldContain("@db");
            text.ShouldNotContain("hidden");
        }
    }

    [Fact]
    public void A_password_may_stand_in_a_file_and_is_shown_nowhere()
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "hid;den\nnot this\n");
            var settings = Read(
                ("ConnectionStrings:Ledger", "Host=db;Username=u"), ("Ledger:PostgreSql:PasswordFile", file));
            new NpgsqlConnectionStringBuilder(settings.PostgreSql.ConnectionString).Password.ShouldBe("hid;den");
            settings.Describe().ShouldNotContain("hid;den");
            settings.DescribeAll().ShouldNotContain("hid;den");
            settings.Ledger.Storage!.Description.ShouldNotContain("hid;den");
            Should.Throw<SettingsException>(() => Read(
                ("ConnectionStrings:Ledger", "Host=db;Password=x"), ("Ledger:PostgreSql:PasswordFile", file)))
                .Message.ShouldContain("one with a password");
            Should.Throw<SettingsException>(() => Read(("Ledger:PostgreSql:PasswordFile", file)))
                .Message.ShouldContain("set ConnectionStrings:Ledger");
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData(true, "--ConnectionStrings:Ledger=Host=db;Password=x")]
    [InlineData(true, "--ConnectionStrings:Ledger", "Host=db;pwd=x")]
    [InlineData(true, "--Ledger:PostgreSql:ConnectionString=postgresql://u:x@db/l")]
    [InlineData(false, "--ConnectionStrings:Ledger=Host=db;Passfile=/etc/p")]
    [InlineData(false, "--Ledger:PostgreSql:PasswordFile=/etc/p")]
    [InlineData(false, "--ConnectionStrings:Ledger", "Host=db")]
    public void A_password_on_a_command_line_is_warned_of(bool warns, params string[] args)
    {
        var warning = NodeConfiguration.WarningOf(args);
        (warning is not null).ShouldBe(warns);
        warning?.ShouldContain("PasswordFile");
    }

    [Theory]
    [InlineData("Host=db;Password=hidden", "Host=db;Password=***")]
    [InlineData("password=hidden;Host=db", "password=***;Host=db")]
    [InlineData("PWD='hid;den';Host=db", "PWD=***;Host=db")]
    [InlineData("Ssl Password=\"hid;den\"", "Ssl Password=***")]
    [InlineData("postgresql://u:hidden@db/x", "postgresql://u:***@db/x")]
    [InlineData("Host=db;Username=u", "Host=db;Username=u")]
    public void Secrets_are_masked(string text, string masked) => SettingSection.Mask(text).ShouldBe(masked);

    [Theory]
    [InlineData("Ledger:CallTimout", "Ledger:CallTimout")]
    [InlineData("Ledger:Grpc:Ulr", "Ledger:Grpc:Ulr")]
    [InlineData("Ledger:Nothing:At:All", "Ledger:Nothing:At:All")]
    [InlineData("Ledger:Storage", "Ledger:Storage")]
    public void An_unknown_setting_is_refused_by_name(string key, string named) =>
        Should.Throw<SettingsException>(() => Read((key, "1"))).Message.ShouldContain(named);

    [Theory]
    [InlineData("Ledger:Grcp:Url", "Ledger has: AccountCallsMax,", ", Grpc, HoldExpiryConcurrencyMax,")]
    [InlineData("Ledger:Nothing:At:All", "Ledger has: AccountCallsMax,", ", Shutdown,")]
    [InlineData("Ledger:Cluster:Tsl:Enabled", "Ledger:Cluster has: AcceptableHeartbeatPause,", ", Tls.")]
    [InlineData("Ledger:Grpc:Ulr", "Ledger:Grpc has: DeadlineMargin,", ", Url.")]
    public void What_there_is_instead_of_an_unknown_setting_is_told(string key, string begins, string holds)
    {
        var message = Should.Throw<SettingsException>(() => Read((key, "1"))).Message;
        message.ShouldContain($"there is no setting {key}. {begins}");
        message.ShouldContain(holds);
    }

    [Fact]
    public void Every_setting_that_a_node_prints_stands_on_the_page_of_settings()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Ledger.sln")))
        {
            root = root.Parent ?? throw new InvalidOperationException("Ledger.sln was not found above the tests.");
        }

        var page = File.ReadAllText(Path.Combine(root.FullName, "docs", "reference", "configuration.md"));
        var printed = Read().DescribeAll().Split(Environment.NewLine).Skip(1)
            .Select(static line => line.Split(" = ")[0].Trim()).ToArray();
        printed.Length.ShouldBeGreaterThan(50);
        printed.Where(key => !page.Contains($"`{key}`", StringComparison.Ordinal)
            && !page.Contains(
                $"`{key.Replace("Ledger:Cluster:", "", StringComparison.Ordinal)}`", StringComparison.Ordinal))
            .ShouldBeEmpty();
    }

    [Theory]
    [InlineData("Ledger:SnapshotEvery", "0", "SnapshotEvery")]
    [InlineData("Ledger:CallTimeout", "00:00:00", "CallTimeout")]
    [InlineData("Ledger:Grpc:StreamInFlightMax", "0", "StreamInFlightMax")]
    [InlineData("Ledger:Grpc:DefaultDeadline", "00:00:00", "DefaultDeadline")]
    [InlineData("Ledger:Cluster:Port", "70000", "Port")]
    [InlineData("Ledger:Shutdown:Timeout", "00:00:00", "Timeout")]
    [InlineData("Ledger:CallTimeout", "soon", "CallTimeout")]
    [InlineData("Ledger:Mode", "Clustered", "Clustered")]
    public void A_value_out_of_range_is_named_in_a_line(string key, string value, string named)
    {
        var line = StartupErrors.Explain(Should.Throw<Exception>(() => Read((key, value))));
        line.ShouldContain(named);
        line.ShouldNotContain("\n");
    }

    [Fact]
    public void A_value_of_another_type_is_named_with_what_is_wanted_for_every_setting()
    {
        var typed = NodeSettings.Known()
            .Where(static one => (Nullable.GetUnderlyingType(one.Value) ?? one.Value) is var type
            && (type.IsPrimitive || type.IsEnum || type == typeof(TimeSpan))).Select(static one => one.Key).ToArray();
        typed.Length.ShouldBeGreaterThan(50);
        foreach (var key in typed)
        {
            var line = StartupErrors.Explain(Should.Throw<SettingsException>(() => Read((key, "none of these")), key));
            line.ShouldStartWith($"{key} is 'none of these'; wanted is ");
        }

        Should.Throw<SettingsException>(() => Read(("Ledger:Mode", "Clusterd"))).Message
            .ShouldBe("Ledger:Mode is 'Clusterd'; wanted is one of Local, Clustered.");
    }

    [Fact]
    public void Arrays_are_settings_too() =>
        Read(("Ledger:Cluster:Roles:0", "front"), ("Ledger:Cluster:Roles:1", "ledger")).Cluster.Roles
            .ShouldBe(["front", "ledger"]);

    private static NodeSettings Read(params (string Key, string Value)[] values) => NodeSettings.Read(
        new ConfigurationBuilder()
            .AddInMemoryCollection(values.Select(static v => KeyValuePair.Create(v.Key, (string?)v.Value)))
            .Build());
}
