using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Ledger.Tests.Shared;
using Xunit.Abstractions;

namespace Ledger.Node.Tests;

/// <summary>Goal: whoever reaches a port of a node can neither end it nor silence it. Method: nodes as processes, with
/// a gigabyte of memory where memory is attacked, attacked from here, while somebody else makes transfers that must all
/// succeed.</summary>
public sealed class EdgeProcessTests(ITestOutputHelper log) : IDisposable
{
    private const string Open = "/ledger.v1.AccountService/OpenAccounts";
    private const string Post = "/ledger.v1.TransferService/PostTransfer";
    private const int Megabyte = 1024 * 1024;
    private const long Memory = 1024L * Megabyte;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ledger-edge-");
    private readonly HttpClient http = new();

    [Fact]
    public async Task Half_sent_messages_do_not_end_a_node()
    {
        using var node = await StartAsync();
        await using var bystander = await Bystander.StartAsync(await node.ListeningAsync());
        var attackers = Enumerable.Range(0, 8).Select(static _ => RawGrpc.Client()).ToArray();
        var address = await node.GrpcListeningAsync();

        // 1.25 GiB of messages that say 4 MiB and lack the last bytes, on so many connections that together they hold
        // all that there is for large messages.
        var frame = RawGrpc.Frame(new byte[(4 * Megabyte) - 64], 0, 4 * Megabyte);
        var held = Enumerable.Range(0, 320)
            .Select(i => EndOfAsync(RawGrpc.StallAsync(attackers[i % attackers.Length], address, Open, frame)))
            .ToArray();
        var ends = await Task.WhenAll(held).WaitAsync(Patience);
        Array.ForEach(attackers, static one => one.Dispose());
        Tell(node, ends);
        ends.ShouldAllBe(static reason => reason == "OVERLOADED" || reason == "REQUEST_INCOMPLETE");
        ends.ShouldContain("OVERLOADED");
        await IsWellAsync(node, bystander);
    }

    [Fact]
    public async Task Packed_messages_and_large_JSON_do_not_end_a_node()
    {
        using var node = await StartAsync();
        var json = await node.ListeningAsync();
        await using var bystander = await Bystander.StartAsync(json);
        using var attacker = RawGrpc.Client();
        var address = await node.GrpcListeningAsync();
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
        {
            gzip.Write(new byte[4 * Megabyte]);
        }

        var bomb = RawGrpc.Frame(packed.ToArray(), 1);
        var bombs = await Task.WhenAll(Enumerable.Range(0, 400)
            .Select(_ => EndOfAsync(RawGrpc.CallAsync(attacker, address, Open, bomb, ("grpc-encoding", "gzip")))))
            .WaitAsync(Patience);
        Tell(node, bombs);
        bombs.ShouldAllBe(static reason => reason == "COMPRESSION_NOT_ACCEPTED");

        var body = new StringBuilder("{\"accounts\":[{}").Insert(13, "{},", 2_500_000).Append("]}").ToString();
        var codes = await Task.WhenAll(Enumerable.Range(0, 64).Select(async _ =>
        {
            using var response = await http.PostAsync(
                new Uri(json, "/v1/accounts"), new StringContent(body, Encoding.UTF8, "application/json"));
            return ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture);
        })).WaitAsync(Patience);
        Tell(node, codes);
        codes.ShouldAllBe(static code => code == "400" || code == "429" || code == "408");
        await IsWellAsync(node, bystander);
    }

    [Fact]
    public async Task Idle_streams_of_one_caller_are_bounded()
    {
        // A stream counts as four calls.
        using var node = new NodeProcess(directory.FullName, "--Ledger:Edge:CallsPerCallerMax=64");
        var address = await node.GrpcListeningAsync();
        using var attacker = RawGrpc.Client();
        var streams = Enumerable.Range(0, 40)
            .Select(_ => EndOfAsync(
                RawGrpc.StallAsync(attacker, address, "/ledger.v1.TransferService/StreamTransfers", [])))
            .ToArray();
        await Until.TrueAsync(() => streams.Count(static one => one.IsCompleted) == 24);
        streams.Where(static one => one.IsCompleted).ShouldAllBe(static one => one.Result == "OVERLOADED");

        node.Terminate();
        (await node.ExitAsync()).ShouldBe(0, node.Output);
    }

    [Fact]
    public async Task Where_memory_runs_out_the_process_ends_on_purpose_and_says_so()
    {
        // No walls, and little memory.
        using var node = new NodeProcess(
            directory.FullName,
            new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "0x0C000000", ["DOTNET_gcServer"] = "0" },
            "--Ledger:Edge:InFlightBytesMax=100000000000", "--Ledger:Edge:ConnectionInFlightBytesMax=100000000000");
        using var attacker = RawGrpc.Client();
        var address = await node.GrpcListeningAsync();
        var frame = RawGrpc.Frame(new byte[(4 * Megabyte) - 64], 0, 4 * Megabyte);
        var held = Enumerable.Range(0, 100)
            .Select(_ => EndOfAsync(RawGrpc.StallAsync(attacker, address, Open, frame))).ToArray();
        (await node.ExitAsync()).ShouldNotBe(0);
        await Task.WhenAll(held).WaitAsync(Patience);

        // Where the runtime itself finds no memory, it ends the process with a line of its own.
        node.Output.ShouldMatch("the memory of the process has run out, and it ends on purpose|Out of memory");
    }

    [Fact]
    public async Task Malformed_messages_are_answered_and_counted_and_summed_up_in_a_line()
    {
        using var node = new NodeProcess(directory.FullName, "--Ledger:Telemetry:Prometheus=true");
        var json = await node.ListeningAsync();
        var address = await node.GrpcListeningAsync();
        using var attacker = RawGrpc.Client();
        var before = node.Output.Length;
        for (var i = 0; i < 20; i++)
        {
            var ends = await Task.WhenAll(Enumerable.Range(0, 100)
                .Select(_ => EndOfAsync(RawGrpc.CallAsync(attacker, address, Post, RawGrpc.Frame([0x0A, 0xFF])))))
                .WaitAsync(Patience);
            ends.ShouldAllBe(static reason => reason == "MALFORMED_REQUEST");
        }

        (await http.GetStringAsync(new Uri(json, "/metrics"))).ShouldMatch(
            "ledger_malformed_total\\{[^}]*method=\"ledger.v1.TransferService/PostTransfer\"[^}]*\\} 2000\n");
        node.Terminate();
        (await node.ExitAsync()).ShouldBe(0, node.Output);
        var logged = node.Output[before..];
        logged.ShouldContain("requests were refused with MALFORMED_REQUEST");
        logged.ShouldNotContain("   at ");
        logged.Length.ShouldBeLessThan(10_000);
        log.WriteLine($"2,000 malformed messages: {logged.Length} bytes of log");
    }

    [Fact]
    public async Task A_node_whose_output_nobody_reads_goes_on_and_stops_when_told()
    {
        var start = new ProcessStartInfo("dotnet")
        {
            UseShellExecute = false,
            WorkingDirectory = directory.FullName,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in (string[])
            [
                Path.Combine(AppContext.BaseDirectory, "Ledger.Node.dll"), "--Ledger:Grpc:Url=http://127.0.0.1:0",
                "--Ledger:Http:Url=http://127.0.0.1:0", "--Ledger:Shutdown:DrainDelay=00:00:00.2",

                // Each call has several lines.
                "--Logging:LogLevel:Default=Debug", "--Logging:LogLevel:Microsoft=Debug",
                "--Ledger:Telemetry:Prometheus=true",
            ])
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        try
        {
            const string prefix = "JSON listening on ";
            string? line;
            while ((line = await process.StandardOutput.ReadLineAsync().WaitAsync(Patience))
                ?.StartsWith(prefix, StringComparison.Ordinal) != true)
            {
                line.ShouldNotBeNull();
            }

            var url = new Uri(line[prefix.Length..]);
            await using var bystander = await Bystander.StartAsync(url);

            // From here on nobody reads. The pipe is full after 64 KiB, the queue after 2,500 lines.
            using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(15) };
            await Until.TrueAsync(async () =>
            {
                for (var i = 0; i < 100; i++)
                {
                    (await client.GetAsync(new Uri(url, "/v1/accounts/b"))).StatusCode.ShouldBe(HttpStatusCode.OK);
                }

                var dropped = (await client.GetStringAsync(new Uri(url, "/metrics"))).Split('\n')
                    .FirstOrDefault(
                        static one => one.StartsWith("ledger_log_dropped_total{", StringComparison.Ordinal));
                return dropped is not null
                    && double.Parse(dropped.Split("} ")[1].Split(' ')[0], CultureInfo.InvariantCulture) > 1000;
            });
            (await bystander.StopAsync()).ShouldBe(0);
            (await client.GetAsync(new Uri(url, "/health/ready"))).StatusCode.ShouldBe(HttpStatusCode.OK);
            using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]))
            {
                await kill.WaitForExitAsync();
            }

            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
            process.ExitCode.ShouldBe(0);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    [Fact]
    public async Task The_log_may_be_JSON_one_record_a_line()
    {
        using var node = new NodeProcess(
            directory.FullName, "--Logging:Console:FormatterName=json", "--Logging:LogLevel:Microsoft=Debug");
        var url = await node.ListeningAsync();
        await http.GetAsync(new Uri(url, "/v1/a%0Ab"));
        node.Terminate();
        (await node.ExitAsync()).ShouldBe(0, node.Output);
        var records = node.Output.Split(Environment.NewLine).Where(static line => line.StartsWith('{')).ToArray();
        records.Length.ShouldBeGreaterThan(5);
        foreach (var record in records)
        {
            JsonDocument.Parse(record).RootElement.GetProperty("LogLevel").GetString().ShouldNotBeNull();
        }
    }

    [Fact]
    public async Task Only_the_nodes_own_names_are_served_and_no_page_of_another_site()
    {
        using var node = new NodeProcess(
            directory.FullName, "--Ledger:Http:AllowedHosts:0=ledger.example.com",
            "--Ledger:Http:AllowedHosts:1=*.bank.example");
        var json = await node.ListeningAsync();
        var grpc = await node.GrpcListeningAsync();
        foreach (var (host, path, origin, site, expected) in ((string?, string, string?, string?, int)[])
        [
            (null, "/v1/accounts", null, null, 200),
            ("localhost", "/v1/accounts", null, null, 200),
            ("127.0.0.5:80", "/v1/accounts", null, null, 200),
            ("LEDGER.example.com:1234", "/v1/accounts", null, null, 200),
            ("a.bank.example", "/v1/accounts", "https://b.bank.example", "same-site", 200),
            ("attacker.example", "/v1/accounts", null, null, 421),
            ("attacker.example", "/health", null, null, 421),
            ("attacker.example", "/nothing", null, null, 421),
            ("ledger.example.com.attacker.example", "/v1/accounts", null, null, 421),
            ("bank.example", "/v1/accounts", null, null, 421),
            ("10.0.0.1", "/v1/accounts", null, null, 421),
            ("attacker.example", "/health/live", null, null, 200),
            ("attacker.example", "/health/ready", "http://attacker.example", "cross-site", 200),
            (null, "/v1/accounts", "http://attacker.example", null, 403),
            (null, "/v1/accounts", "null", null, 403),
            (null, "/v1/accounts", null, "cross-site", 403),
            (null, "/v1/accounts", "http://localhost:3000", "same-site", 200),
        ])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(json, path));
            request.Headers.Host = host;
            if (origin is not null)
            {
                request.Headers.Add("Origin", origin);
            }

            if (site is not null)
            {
                request.Headers.Add("Sec-Fetch-Site", site);
            }

            using var response = await http.SendAsync(request);
            ((int)response.StatusCode).ShouldBe(expected, $"{host} {path} {origin} {site}");
        }

        using var client = RawGrpc.Client();
        (await RawGrpc.CallAsync(client, grpc, Post, RawGrpc.Frame([]), ("Host", "attacker.example"))).Reason
            .ShouldBe("HOST_NOT_ALLOWED");
        (await RawGrpc.CallAsync(client, grpc, Post, RawGrpc.Frame([]), ("Origin", "http://attacker.example"))).Reason
            .ShouldBe("ORIGIN_NOT_ALLOWED");
        (await RawGrpc.CallAsync(client, grpc, Post, RawGrpc.Frame([]), ("Host", "ledger.example.com"))).Reason
            .ShouldBe("TRANSFER_MISSING");
    }

    [Fact]
    public async Task Too_many_connections_are_closed_with_one_line_and_health_is_still_served()
    {
        using var node = new NodeProcess(
            directory.FullName, "--Ledger:Edge:ConnectionsPerAddressMax=20", "--Ledger:Edge:HealthConnectionsMax=4");
        var json = await node.ListeningAsync();
        var grpc = await node.GrpcListeningAsync();
        var idle = new List<TcpClient>();
        try
        {
            for (var i = 0; i < 80; i++)
            {
                var client = new TcpClient();
                idle.Add(client);
                try
                {
                    await client.ConnectAsync(grpc.Host, grpc.Port);
                }
                catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
                {
                    // Closed before this side knew that it was open.
                }
            }

            await Until.TrueAsync(() => idle.Count(static one => IsClosed(one.Client)) == 60);
            (await http.GetAsync(new Uri(json, "/health/ready"))).StatusCode.ShouldBe(HttpStatusCode.OK);
            using var other = new HttpClient();
            using var refused = await other.GetAsync(new Uri(json, "/v1/accounts"));
            refused.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
            (await refused.Content.ReadAsStringAsync()).ShouldContain("OVERLOADED");
        }
        finally
        {
            idle.ForEach(static one => one.Dispose());
        }

        await Until.TrueAsync(async () =>
        {
            using var fresh = new HttpClient();
            return (await fresh.GetAsync(new Uri(json, "/v1/accounts"))).StatusCode == HttpStatusCode.OK;
        });
        node.Output.Split("connections were closed at once").Length.ShouldBe(2, node.Output);
    }

    [Fact]
    public async Task A_connection_that_is_old_is_ended_without_a_failed_call()
    {
        using var node = new NodeProcess(directory.FullName, "--Ledger:Edge:ConnectionAgeMax=00:00:10");
        var grpc = await node.GrpcListeningAsync();
        var opened = 0;
        using var client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (context, cancellation) =>
            {
                Interlocked.Increment(ref opened);
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(context.DnsEndPoint, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        await Until.TrueAsync(async () =>
        {
            (await RawGrpc.CallAsync(client, grpc, Post, RawGrpc.Frame([]))).Reason.ShouldBe("TRANSFER_MISSING");
            return opened >= 2;
        });
    }

    public void Dispose()
    {
        http.Dispose();
        directory.Delete(recursive: true);
    }

    private static bool IsClosed(Socket socket)
    {
        try
        {
            return socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    // What the call was answered with; a connection may have been closed under it.
    private static async Task<string> EndOfAsync(Task<RawGrpc.Ended> call)
    {
        try
        {
            return (await call).Reason;
        }
        catch (HttpRequestException e)
        {
            return e.Message;
        }
    }

    private async Task<NodeProcess> StartAsync()
    {
        var node = new NodeProcess(
            directory.FullName,
            new Dictionary<string, string>
            {
                ["DOTNET_GCHeapHardLimit"] = "0x" + Memory.ToString("X", CultureInfo.InvariantCulture),
            });
        await node.ListeningAsync();
        return node;
    }

    private static long ResidentBytes(NodeProcess node) => 1024 * long.Parse(
        File.ReadLines($"/proc/{node.Id}/status")
            .First(static line => line.StartsWith("VmHWM:", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);

    private void Tell(NodeProcess node, string[] ends) => log.WriteLine(
        string.Join(", ", ends.GroupBy(static end => end).Select(static end => $"{end.Count()} {end.Key}"))
        + (OperatingSystem.IsLinux() ? $"; the node's memory was at most {ResidentBytes(node) / Megabyte} MiB" : ""));

    private async Task IsWellAsync(NodeProcess node, Bystander bystander)
    {
        node.HasExited.ShouldBeFalse(node.Output);
        (await bystander.StopAsync()).ShouldBe(0);
        log.WriteLine(
            $"the bystander made {bystander.Count} transfers, the slowest in {bystander.Slowest.TotalMilliseconds:0} "
                + "ms");
        if (OperatingSystem.IsLinux())
        {
            ResidentBytes(node).ShouldBeLessThan(Memory);
        }

        node.Terminate();
        (await node.ExitAsync()).ShouldBe(0, node.Output);
        node.Output.Length.ShouldBeLessThan(100_000);
    }
}
