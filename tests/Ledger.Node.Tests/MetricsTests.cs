using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.RegularExpressions;
using Ledger.Tests.Shared;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ledger.Node.Tests;

/// <summary>Goal: what a node tells of itself is what the page and the alerts say. Method: an application with all
/// instruments does work of every kind that has labels, and its instruments are compared with the page; a node is
/// scraped as Prometheus scrapes it, and what it exports is compared with the page and the rules.</summary>
[Collection(PostgresCollection.Name)]
public sealed partial class MetricsTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-metrics-");
    private readonly HttpClient http = new();

    [Fact]
    public async Task The_page_is_that_of_the_instruments()
    {
        using var meter = new MeterRecorder();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRoutingCore().AddLogging();
        builder.Services.AddSingleton<IMeterFactory>(meter);
        builder.Services.AddLedgerGrpc();
        builder.Services.AddLedger(options => options.UseSqlite(Path.Combine(directory.FullName, "ledger.db")));
        await using (var app = builder.Build())
        {
            app.UseRouting();
            app.MapLedgerGrpc();
            await app.StartAsync();
            await WorkAsync(new Uri(app.Urls.Single()));
            _ = meter.Now("ledger.accounts.awake");
            await app.StopAsync();
        }

        var page = MetricsPage.With(meter);
        if (Environment.GetEnvironmentVariable("LEDGER_WRITE_PAGES") is not null)
        {
            MetricsPage.Write(page);
        }

        MetricsPage.Text.ShouldBe(page, "LEDGER_WRITE_PAGES=1 writes the page anew");
        page.ShouldNotContain("| ? |", Case.Sensitive, "say what to do");
    }

    [Fact]
    public async Task A_node_exports_what_the_page_says_and_every_metric_that_an_alert_names()
    {
        using var node = new NodeProcess(
            directory.FullName, $"--ConnectionStrings:Ledger={PostgresServer.Shared.CreateDatabase()}",
            "--Ledger:Telemetry:Prometheus=true", "--Ledger:Index:Enabled=true");
        var url = await node.ListeningAsync();
        await WorkAsync(url);
        var text = "";
        await Until.TrueAsync(async () =>
        {
            // A scrape shows what was measured up to a moment before it.
            text = await http.GetStringAsync(new Uri(url, "/metrics"));
            return text.Contains("ledger_refused_total{", StringComparison.Ordinal);
        });

        Value(text, "ledger_transfers_total", "kind=\"transfer\"", "status=\"created\"").ShouldBe(1);
        Value(text, "ledger_refused_total", "reason=\"MALFORMED_ADDRESS\"").ShouldBe(1);
        Value(
            text, "ledger_call_duration_seconds_count", "code=\"OK\"",
            "method=\"ledger.v1.TransferService/PostTransfer\"")
            .ShouldBe(1);
        Value(text, "ledger_journal_rows_total").ShouldBeGreaterThanOrEqualTo(4);
        Value(text, "ledger_accounts_awake").ShouldBeGreaterThanOrEqualTo(2);
        Value(text, "ledger_lease_remaining_seconds").ShouldBeInRange(0, 2);
        text.ShouldContain("dotnet_gc_collections_total");
        text.ShouldContain("http_server_request_duration_seconds_count");

        var exported = ExportedType().Matches(text).Select(static one => one.Groups["name"].Value)
            .Where(static name => name.StartsWith("ledger_", StringComparison.Ordinal))
            .ToHashSet(StringComparer.Ordinal);
        var onPage = NameOnPage().Matches(MetricsPage.Text).Select(static one => one.Groups["name"].Value).ToArray();
        onPage.Length.ShouldBeGreaterThan(15);
        exported.Order(StringComparer.Ordinal).ShouldBe(onPage.Order(StringComparer.Ordinal));

        var named = NameInRules().Matches(MetricsPage.Rules).Select(static one => one.Value).Distinct().ToArray();
        named.Length.ShouldBeGreaterThan(10);
        var series = SampleName().Matches(text).Select(static one => one.Groups["name"].Value)
            .ToHashSet(StringComparer.Ordinal);
        named.Where(name => !series.Contains(name)).ShouldBeEmpty();
        foreach (Match label in LabelInRules().Matches(MetricsPage.Rules))
        {
            text.ShouldContain($"{label.Groups["label"].Value}=\"", Case.Sensitive, label.Value);
        }

        node.Terminate();
        (await node.ExitAsync()).ShouldBe(0, node.Output);
    }

    [Theory]
    [InlineData(
        "Ledger__Telemetry__OtlpEndpoint", HttpProtocols.Http2,
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", HttpProtocols.Http1, "/v1/metrics")]
    public async Task A_node_sends_its_metrics_to_the_collector_that_is_named(
        string variable, HttpProtocols protocol, string path)
    {
        var arrived = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = protocol));
        await using var collector = builder.Build();
        collector.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            if (body.ToArray().AsSpan().IndexOf("ledger.accounts.awake"u8) >= 0)
            {
                arrived.TrySetResult(context.Request.Path);
            }

            // An empty answer: to gRPC a message of no bytes.
            context.Response.ContentType = context.Request.ContentType;
            if (protocol == HttpProtocols.Http2)
            {
                await context.Response.Body.WriteAsync(new byte[5]);
                context.Response.AppendTrailer("grpc-status", "0");
            }
        });
        await collector.StartAsync();
        using var node = new NodeProcess(
            directory.FullName,
            new Dictionary<string, string>
            {
                [variable] = collector.Urls.Single(),
                ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",

                // Holds beside OpenTelemetry's own variable, and not beside the setting, which is for gRPC.
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            });
        await node.ListeningAsync();

        (await arrived.Task.WaitAsync(TimeSpan.FromSeconds(60))).ShouldBe(path);
    }

    [Fact]
    public async Task A_node_that_nobody_asked_to_tell_tells_nothing()
    {
        using var node = new NodeProcess(directory.FullName);
        var url = await node.ListeningAsync();
        (await http.GetAsync(new Uri(url, "/metrics"))).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public void Each_alert_has_a_paragraph_and_each_paragraph_an_alert()
    {
        var alerts = Alert().Matches(MetricsPage.Rules).Select(static one => one.Groups["name"].Value).ToArray();
        alerts.Length.ShouldBeGreaterThan(10);
        alerts.ShouldBe(Heading().Matches(MetricsPage.Text).Select(static one => one.Groups["name"].Value));
        foreach (var alert in alerts)
        {
            MetricsPage.Rules.ShouldContain($"runbook: docs/operating/metrics.md#{alert.ToLowerInvariant()}\n");
        }

        Severity().Count(MetricsPage.Rules).ShouldBe(alerts.Length);
        Summary().Count(MetricsPage.Rules).ShouldBe(alerts.Length);
    }

    public void Dispose()
    {
        http.Dispose();
        directory.Delete(recursive: true);
    }

    // Work of every kind that has labels.
    private async Task WorkAsync(Uri url)
    {
        await PostAsync("/v1/accounts", HttpStatusCode.OK, new
        {
            accounts =
                new[] { new { address = "a", asset = "USD/2", code = 1 },
                    new { address = "b", asset = "USD/2", code = 1 } },
        });
        await PostAsync("/v1/transfers", HttpStatusCode.OK, new
        {
            id = Guid.CreateVersion7(), debitAccount = "a", creditAccount = "b", amount = "1", code = 1,
        });
        await PostAsync("/v1/transfers", HttpStatusCode.BadRequest, new
        {
            id = Guid.CreateVersion7(), debitAccount = "no address", creditAccount = "b", amount = "1", code = 1,
        });
        await PostAsync("/v1/transfers", HttpStatusCode.BadRequest, new[] { "no object" });

        async Task PostAsync(string path, HttpStatusCode expected, object body)
        {
            var response = await http.PostAsJsonAsync(new Uri(url, path), body);
            response.StatusCode.ShouldBe(expected, await response.Content.ReadAsStringAsync());
        }
    }

    private static double Value(string text, string name, params string[] labels)
    {
        var line = text.Split('\n').Single(line => line.StartsWith(name + "{", StringComparison.Ordinal)
            && labels.All(label => line.Contains(label, StringComparison.Ordinal)));
        return double.Parse(line.Split("} ")[1].Split(' ')[0], CultureInfo.InvariantCulture);
    }

    [GeneratedRegex("^# TYPE (?<name>[a-z_]+) ", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex ExportedType();

    [GeneratedRegex(@"^(?<name>ledger_[a-z_]+)\{", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex SampleName();

    [GeneratedRegex(
        @"^\| `ledger\.[^`]+` \| `(?<name>ledger_[a-z_]+)` \|", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex NameOnPage();

    [GeneratedRegex("ledger_[a-z_]+")]
    private static partial Regex NameInRules();

    [GeneratedRegex(@"(?<label>[a-z]+)=~?""", RegexOptions.ExplicitCapture)]
    private static partial Regex LabelInRules();

    [GeneratedRegex("^ +- alert: (?<name>[A-Za-z]+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Alert();

    [GeneratedRegex("^### (?<name>Ledger[A-Za-z]+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Heading();

    [GeneratedRegex("^ +severity: (critical|warning)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Severity();

    [GeneratedRegex("^ +summary: \".+\"$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Summary();
}
