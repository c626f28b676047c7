using System.Net;
using System.Net.Sockets;
using Ledger.Tests.Shared;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace Ledger.Node.Tests;

/// <summary>Goal: a node with a setting that can't be used says which one, and has opened and made nothing. Method: a
/// node is run with each setting that there is set to values that it can't have; then its directory must be empty, or
/// its database.</summary>
[Collection(PostgresCollection.Name)]
public sealed class BadSettingTests : IDisposable
{
    // A node that takes the setting would run for ever.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    // What a text can't be; a setting of another type can't be words, nor below zero.
    private static readonly Dictionary<string, string[]> s_texts = new(StringComparer.Ordinal)
    {
        ["Ledger:Role"] = ["king"],
        ["Ledger:Grpc:Url"] = [
            "nonsense", "ftp://127.0.0.1:1", "http://127.0.0.1:70000", "http://127.0.0.1:1/path", "http://my-host:1",
            "http://192.0.2.1:5001"],
        ["Ledger:Http:Url"] = [
            "nonsense", "ftp://127.0.0.1:1", "http://127.0.0.1:70000", "http://127.0.0.1:1/path", "http://my-host:1",
            "http://192.0.2.1:5000"],
        ["Ledger:Http:AllowedHosts:0"] = ["", "no host", "http://ledger.example.com"],
        ["Ledger:PostgreSql:PasswordFile"] = ["nowhere.txt"],
        ["Ledger:Sqlite:Path"] = ["", ":memory:", "file:x", "/"],
        ["Ledger:PostgreSql:ConnectionString"] = ["Nonsense=1", "Database=money"],
        ["Ledger:Cluster:HostName"] = ["", "no host", "192.0.2.1", "host.invalid"],
        ["Ledger:Cluster:PublicHostName"] = ["no host"],
        ["Ledger:Cluster:SeedNodes:0"] = ["nowhere", "a:b"],
        ["Ledger:Cluster:ContactPoints:0"] = ["nowhere", "other:5000"],
        ["Ledger:Cluster:Roles:0"] = ["king"],
        ["Ledger:Cluster:Tls:CertificatePath"] = ["nowhere.pem"],
        ["Ledger:Cluster:Tls:KeyPath"] = ["nowhere.key"],
        ["Ledger:Cluster:Tls:PasswordPath"] = ["nowhere.txt"],
        ["Ledger:Cluster:Tls:AuthorityPath"] = ["nowhere.pem"],
        ["Ledger:Tls:CertificatePath"] = ["nowhere.pem"],
        ["Ledger:Tls:KeyPath"] = ["nowhere.key"],
        ["Ledger:Tls:PasswordPath"] = ["nowhere.txt"],
        ["Ledger:Tls:ClientAuthorityPath"] = ["nowhere.pem"],
        ["Ledger:Tls:RevokedPath"] = ["nowhere.txt"],
        ["Ledger:Security:PolicyPath"] = ["nowhere.json"],
        ["Ledger:Audit:Path"] = [""],
        ["Ledger:Security:Jwt:Issuer"] = ["https://issuer.example.com"],
        ["Ledger:Security:Jwt:Audience"] = [""],
        ["Ledger:Security:Jwt:JwksUrl"] = ["nowhere", "http://issuer.example.com/keys"],
        ["Ledger:Security:Jwt:JwksPath"] = ["nowhere.jwks"],
        ["Ledger:Security:Jwt:PrincipalClaim"] = [""],
        ["Ledger:Security:Jwt:PrincipalPrefix"] = ["ledger:", "a\nb"],
        ["Ledger:Security:Jwt:Algorithms:0"] = ["HS256", "none", "nonsense"],
        ["Ledger:Telemetry:OtlpEndpoint"] = ["", "collector", "ftp://collector:4317"],
    };

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-bad-");

    private readonly DirectoryInfo ofCertificates = Directory.CreateTempSubdirectory("ledger-bad-tls-");
    private readonly Lazy<DevCertificates> certificates;

    public BadSettingTests() => certificates = new(() => new DevCertificates(ofCertificates.FullName, "127.0.0.1"));

    private string Path => System.IO.Path.Combine(directory.FullName, "data", "ledger.db");

    public static TheoryData<string> Settings => [.. NodeSettings.Known().Select(static pair =>
        pair.Value == typeof(string[]) ? pair.Key + ":0" : pair.Key).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_node_with_a_bad_setting_names_it_and_has_opened_nothing(string setting)
    {
        var known = NodeSettings.Known();
        var type = Nullable.GetUnderlyingType(known.GetValueOrDefault(setting, typeof(string)))
            ?? known.GetValueOrDefault(setting, typeof(string));
        var values = type == typeof(string)
            ? s_texts[setting]
            : type == typeof(bool) || type.IsEnum ? ["maybe"] : ["many", "-1", type == typeof(TimeSpan) ? "60" : "2.5"];
        var name = setting.Split(':').Last(static part => part != "0");
        var isOfCluster = setting.StartsWith("Ledger:Cluster:", StringComparison.Ordinal) || setting == "Ledger:Role";
        var database = isOfCluster ? PostgresServer.Shared.CreateDatabase() : null;
        foreach (var value in values)
        {
            var told = StartupErrors.Explain(
                await Should.ThrowAsync<Exception>(() => RunAsync(database, (setting, value)), $"{setting}={value}"));
            told.ShouldContain(name, Case.Sensitive, $"{setting}={value}");
            told.ShouldNotContain("\n");
            directory.EnumerateFileSystemInfos().ShouldBeEmpty($"{setting}={value}");
        }

        if (database is not null)
        {
            TablesOf(database).ShouldBe(0, setting);
        }
    }

    [Theory]
    [InlineData("Ledger:Grpc:Url", "http://127.0.0.1:{0}")]
    [InlineData("Ledger:Http:Url", "http://127.0.0.1:{0}")]
    [InlineData("Ledger:Http:Url", "http://localhost:{0}")]
    [InlineData("Ledger:Cluster:Port", "{0}")]
    public async Task A_port_in_use_is_found_before_anything_is_opened(string setting, string form)
    {
        using var occupant = new TcpListener(IPAddress.Loopback, 0);
        occupant.Start();
        var port = ((IPEndPoint)occupant.LocalEndpoint).Port;
        var database = setting.Contains("Cluster", StringComparison.Ordinal)
            ? PostgresServer.Shared.CreateDatabase()
            : null;
        var refused = await Should.ThrowAsync<SettingsException>(
            () => RunAsync(database, (setting, string.Format(form, port))));
        refused.Message.ShouldContain("in use");
        refused.Message.ShouldContain(setting);
        directory.EnumerateFileSystemInfos().ShouldBeEmpty();
        (database is null ? 0 : TablesOf(database)).ShouldBe(0);
    }

    [Theory]
    [InlineData("Ledger:Http:Url", "http://127.0.0.1:4053", "Ledger:Grpc:Url", "http://localhost:4053")]
    [InlineData("Ledger:Http:Url", "http://*:4053", "Ledger:Grpc:Url", "http://127.0.0.1:4053")]
    [InlineData("Ledger:Http:Url", "http://0.0.0.0:4053", "Ledger:Cluster:Port", "4053")]
    public async Task Two_settings_that_ask_for_one_port_are_named(string one, string url, string other, string value)
    {
        var database = other.Contains("Cluster", StringComparison.Ordinal)
            ? PostgresServer.Shared.CreateDatabase()
            : null;
        var refused = await Should.ThrowAsync<SettingsException>(() => RunAsync(database, (one, url), (other, value)));
        refused.Message.ShouldContain($"{one} and {other} both ask for port 4053");
    }

    [Theory]
    [InlineData("Kestrel:Certificates:Default:Path", "nowhere.pem", "https://127.0.0.1:0", "nowhere.pem")]
    [InlineData("Logging:LogLevel:Default", "Shouting", "http://127.0.0.1:0", "Shouting")]
    public async Task What_is_wrong_with_the_servers_own_settings_is_found_too(
        string setting, string value, string url, string told)
    {
        var refused = await Should.ThrowAsync<Exception>(
            () => RunAsync(null, (setting, value), ("Ledger:Grpc:Url", url)));
        StartupErrors.Explain(refused).ShouldContain(told);
        directory.EnumerateFileSystemInfos().ShouldBeEmpty();
    }

    [Theory]
    [InlineData("--port", "7")]
    [InlineData("--urls=http://*:7")]
    [InlineData("--ConnectionStrings:Leger=Host=db")]
    [InlineData("start")]
    public void A_command_line_that_means_nothing_is_refused(params string[] args) =>
        Should.Throw<SettingsException>(() => NodeConfiguration.Build(args)).Message
            .ShouldContain(args[0].TrimStart('-').Split('=')[0]);

    [Fact]
    public void The_command_line_of_a_node_is_taken() =>
        NodeConfiguration.Build(
            ["--Ledger:PassivateAfter", "00:02:00", "--ConnectionStrings:Ledger=Host=db",
                "--Kestrel:Certificates:Default:Path=x",
                "--Logging:LogLevel:Akka=Warning", "--environment", "Development"])["Ledger:PassivateAfter"]
                    .ShouldBe("00:02:00");

    [Fact]
    public void A_number_of_days_is_not_meant() =>
        Should.Throw<SettingsException>(() => NodeSettings.Read(Configuration(null, ("Ledger:PassivateAfter", "60"))))
            .Message
            .ShouldContain("60 days. Write 00:00:01 for a second");

    public void Dispose()
    {
        directory.Delete(recursive: true);
        ofCertificates.Delete(recursive: true);
    }

    private Task RunAsync(string? database, params (string Key, string Value)[] values) =>
        NodeHost.RunAsync(NodeSettings.Read(Configuration(database, values))).WaitAsync(s_patience);

    private IConfigurationRoot Configuration(string? database, params (string Key, string Value)[] values)
    {
        var all = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["Ledger:Grpc:Url"] = "http://127.0.0.1:0",
            ["Ledger:Http:Url"] = "http://127.0.0.1:0",
            ["Ledger:Sqlite:Path"] = Path,
        };
        if (database is not null)
        {
            all["Ledger:Mode"] = "Clustered";
            all["ConnectionStrings:Ledger"] = database;
            all["Ledger:Cluster:Port"] = "0";
            if (!values.Any(static value => value.Key.StartsWith("Ledger:Cluster:Tls", StringComparison.Ordinal)))
            {
                all["Ledger:Cluster:Tls:Enabled"] = "false";
            }
            else
            {
                foreach (var setting in certificates.Value.Settings("127.0.0.1")
                    .Select(static one => one[2..].Split('=', 2)))
                {
                    all[setting[0]] = setting[1];
                }
            }
        }

        foreach (var (key, value) in values)
        {
            all[key] = value;
        }

        return new ConfigurationBuilder().AddInMemoryCollection(all).Build();
    }

    private static long TablesOf(string database)
    {
        using var connection = new NpgsqlConnection(database);
        connection.Open();
        using var command = new NpgsqlCommand("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", connection);
        return (long)command.ExecuteScalar()!;
    }
}
