using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Ledger.Testing;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Ledger.Client.Tests;

/// <summary>What becomes of calls on connections that are dead, die early, or lead to something that is no node; on
/// real sockets.</summary>
public sealed class ConnectionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // So long that whoever waits for it can't be taken for one who answers at once on a busy machine.
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task The_first_call_on_a_connection_that_was_forgotten_succeeds()
    {
        await using var server = await FakeServer.OnPortAsync();
        await using var proxy = new ForgetfulProxy(server.Address);
        await using var client = new LedgerClient(FakeServer.Quick() with
        {
            Addresses = [proxy.Address],
            KeepAliveInterval = TimeSpan.FromSeconds(1),
            KeepAliveTimeout = TimeSpan.FromSeconds(1),
        });
        await Some.OpenAsync(client, "a", "b");

        proxy.Forget();
        (await client.PostTransferAsync(Some.Transfer())).Status.ShouldBe(TransferStatus.Created);
        proxy.Forget();
        (await client.GetAccountAsync("b")).ShouldNotBeNull().Balance.ShouldBe(-100);
        proxy.Forget();
        (await client.PostTransfersAsync([Some.Transfer()])).ShouldHaveSingleItem().Status
            .ShouldBe(TransferStatus.Created);

        proxy.Accepted.ShouldBe(4);
    }

    [Fact]
    public async Task The_options_as_they_come_bear_a_forgotten_connection_within_one_call()
    {
        await using var server = await FakeServer.OnPortAsync();
        await using var proxy = new ForgetfulProxy(server.Address);
        await using var client = new LedgerClient(new LedgerClientOptions { Addresses = [proxy.Address] });
        await Some.OpenAsync(client, "a", "b");
        proxy.Forget();

        var started = Stopwatch.GetTimestamp();
        (await client.PostTransferAsync(Some.Transfer())).Status.ShouldBe(TransferStatus.Created);

        Stopwatch.GetElapsedTime(started).ShouldBeLessThan(new LedgerClientOptions().WriteTimeout);
    }

    [Fact]
    public async Task A_proxy_of_the_machine_is_not_asked_for_a_plaintext_address()
    {
        // As http_proxy sets it for the process; a proxy for HTTP/1.1 can't pass on what gRPC speaks without TLS.
        await using var server = await FakeServer.OnPortAsync();
        using var proxy = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        proxy.Start();
        var before = HttpClient.DefaultProxy;
        HttpClient.DefaultProxy = new ProxyFor(server.Address, new Uri($"http://{proxy.LocalEndpoint}"));
        try
        {
            await using var client = new LedgerClient(FakeServer.Quick() with
            {
                Addresses = [server.Address], ReadTimeout = TimeSpan.FromSeconds(5),
            });
            await Some.OpenAsync(client, "a");
            proxy.Pending().ShouldBeFalse();
        }
        finally
        {
            HttpClient.DefaultProxy = before;
        }
    }

    [Fact]
    public async Task A_connection_that_lies_idle_is_closed_and_the_next_call_opens_another_one()
    {
        await using var server = await FakeServer.OnPortAsync();
        await using var proxy = new ForgetfulProxy(server.Address);
        await using var client = new LedgerClient(FakeServer.Quick() with
        {
            Addresses = [proxy.Address], IdleTimeout = TimeSpan.FromSeconds(1),
        });
        await Some.OpenAsync(client, "a", "b");

        await UntilAsync(() => proxy.Closed == 1);

        // So also a change, which would not be sent again, finds a connection that lives.
        (await client.FreezeAccountAsync("a", new AccountFreeze { Debits = true })).IsApplied.ShouldBeTrue();
        proxy.Accepted.ShouldBe(2);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_connection_that_breaks_before_anything_was_sent_is_tried_again(bool isChange)
    {
        await using var server = await FakeServer.OnPortAsync();
        await using var proxy = new ForgetfulProxy(server.Address);
        await using var opener = server.Connect();
        await Some.OpenAsync(opener, "a", "b");
        await using var client = new LedgerClient(FakeServer.Quick() with { Addresses = [proxy.Address] });
        proxy.CloseNext(3);

        if (isChange)
        {
            (await client.FreezeAccountAsync("a", new AccountFreeze { Debits = true })).IsApplied.ShouldBeTrue();
            server.Ledger.CallCount("FreezeAccount").ShouldBe(1);
        }
        else
        {
            (await client.PostTransferAsync(Some.Transfer())).Status.ShouldBe(TransferStatus.Created);
            server.Ledger.Arrived.Count.ShouldBe(1);
        }

        proxy.Accepted.ShouldBe(4);
    }

    [Fact]
    public async Task A_stream_whose_connection_breaks_before_anything_was_sent_is_opened_again()
    {
        await using var server = await FakeServer.OnPortAsync();
        await using var proxy = new ForgetfulProxy(server.Address);
        await using var opener = server.Connect();
        await Some.OpenAsync(opener, "a", "b");
        await using var client = new LedgerClient(FakeServer.Quick() with { Addresses = [proxy.Address] });
        proxy.CloseNext(2);

        await using var stream = client.OpenTransferStream();
        (await stream.PostAsync(Some.Transfer())).Status.ShouldBe(TransferStatus.Created);
    }

    [Fact]
    public async Task Where_every_connection_breaks_before_a_word_nothing_was_asked()
    {
        await using var server = await FakeServer.OnPortAsync();
        await using var proxy = new ForgetfulProxy(server.Address);
        await using var client = new LedgerClient(FakeServer.Quick() with { Addresses = [proxy.Address] });
        proxy.CloseNext(int.MaxValue);

        var failure = await Should.ThrowAsync<LedgerClientException>(() => client.PostTransferAsync(Some.Transfer()));
        await using var stream = client.OpenTransferStream();
        var streamed = await Should.ThrowAsync<LedgerClientException>(() => stream.PostAsync(Some.Transfer()));

        (failure.Code, failure.Unreachable, failure.OutcomeUnknown).ShouldBe((StatusCode.Unavailable, true, false));
        (streamed.Unreachable, streamed.OutcomeUnknown).ShouldBe((true, false), streamed.ToString());
    }

    [Fact]
    public async Task Connections_that_break_while_they_are_made_leave_no_node_behind()
    {
        await using var server = await FakeServer.OnPortAsync();
        await using var one = new ForgetfulProxy(server.Address);
        await using var two = new ForgetfulProxy(server.Address);
        await using var client = new LedgerClient(FakeServer.Quick() with { Addresses = [one.Address, two.Address] });
        await Some.OpenAsync(client, "a", "b");
        for (var round = 0; round < 20; round++)
        {
            // As a node that dies: what there was is forgotten with a reset, what is new is closed at once.
            var (dying, other) = round % 2 == 0 ? (one, two) : (two, one);
            dying.CloseNext(5);
            dying.Reset();
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => client.PostTransferAsync(Some.Transfer())))
                .WaitAsync(Patience);
            dying.CloseNext(0);

            other.Reset();
            await UntilAsync(async () =>
            {
                (await client.PostTransferAsync(Some.Transfer())).Status.ShouldBe(TransferStatus.Created);
                return dying.Live > 0 && other.Live > 0;
            });
        }
    }

    [Fact]
    public async Task A_change_that_may_have_been_sent_is_not_sent_again()
    {
        await using var server = await FakeServer.OnPortAsync();
        await using var client = server.Connect(o => o with { RetryUnknownFor = TimeSpan.FromSeconds(1) });
        await Some.OpenAsync(client, "a");
        server.Ledger.After = _ => throw Refusals.Of(StatusCode.Unavailable);
        Func<Task>[] changes =
        [
            () => client.FreezeAccountAsync("a", new AccountFreeze { Debits = true }),
            () => client.UnfreezeAccountAsync("a"),
            () => client.CloseAccountAsync("a"),
            () => client.ReopenAccountAsync("a"),
            () => client.SetAccountLimitsAsync("a", null, null),
            () => client.ExtendHoldAsync(TransferIds.New(), DateTimeOffset.UnixEpoch),
        ];

        foreach (var change in changes)
        {
            (await Should.ThrowAsync<LedgerClientException>(change)).OutcomeUnknown.ShouldBeTrue();
        }

        foreach (var method in (string[])
            ["FreezeAccount", "UnfreezeAccount", "CloseAccount", "ReopenAccount", "SetAccountLimits", "ExtendHold"])
        {
            server.Ledger.CallCount(method).ShouldBe(1, method);
        }
    }

    [Fact]
    public async Task The_port_of_the_JSON_API_is_named_at_once_and_nothing_was_sent()
    {
        await using var server = await FakeServer.OnPortAsync(protocols: HttpProtocols.Http1);
        await RefusesAtOnceAsync(new LedgerClientOptions { Addresses = [server.Address] }, "HTTP/1.1", "JSON", "5001");
    }

    [Fact]
    public async Task An_https_address_of_a_plaintext_port_is_named_at_once_and_nothing_was_sent()
    {
        await using var server = await FakeServer.OnPortAsync();
        await RefusesAtOnceAsync(
            new LedgerClientOptions { Addresses = [new UriBuilder(server.Address) { Scheme = "https" }.Uri] },
            "begins with http, not https");
    }

    [Fact]
    public async Task An_http_address_of_a_TLS_port_is_named_at_once_and_nothing_was_sent()
    {
        using var certificate = Certificate();
        await using var server = await FakeServer.OnPortAsync(certificate: certificate);
        await RefusesAtOnceAsync(
            new LedgerClientOptions { Addresses = [new UriBuilder(server.Address) { Scheme = "http" }.Uri] },

            // A server that speaks TLS hangs up without a word, as one does that is about to come back: so it is
            // tried a few times.
            retryFor: TimeSpan.Zero,
            "https");
    }

    [Fact]
    public async Task A_private_authority_is_trusted_where_it_is_named()
    {
        using var certificate = Certificate();
        await using var server = await FakeServer.OnPortAsync(certificate: certificate);
        await RefusesAtOnceAsync(new LedgerClientOptions { Addresses = [server.Address] }, "certificate", "authority");

        await using var client = new LedgerClient(new LedgerClientOptions
        {
            Addresses = [server.Address], CertificateAuthorities = [certificate],
        });
        await Some.OpenAsync(client, "a", "b");
        (await client.PostTransferAsync(Some.Transfer())).Status.ShouldBe(TransferStatus.Created);

        using var another = Certificate();
        await RefusesAtOnceAsync(
            new LedgerClientOptions { Addresses = [server.Address], CertificateAuthorities = [another] },
            "certificate");
    }

    private static Task RefusesAtOnceAsync(LedgerClientOptions options, params string[] texts) =>
        RefusesAtOnceAsync(options, retryFor: Long, texts);

    private static async Task RefusesAtOnceAsync(LedgerClientOptions options, TimeSpan retryFor, params string[] texts)
    {
        await using var client = new LedgerClient(options with { ReadTimeout = Long, WriteTimeout = Long });
        Func<Task>[] calls =
        [
            () => client.GetAccountAsync("a"),
            () => client.PostTransferAsync(Some.Transfer(), new RequestOptions { RetryUnknownFor = retryFor }),
            () => client.FreezeAccountAsync("a", new AccountFreeze { Debits = true }),
            async () =>
            {
                await using var stream = client.OpenTransferStream();
                await stream.PostAsync(Some.Transfer());
            },
        ];
        foreach (var call in calls)
        {
            var started = Stopwatch.GetTimestamp();
            var failure = await Should.ThrowAsync<LedgerClientException>(call);
            (failure.Misaddressed, failure.Unreachable, failure.OutcomeUnknown)
                .ShouldBe((true, true, false), failure.ToString());
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(Patience);
            foreach (var text in texts)
            {
                failure.Message.ShouldContain(text);
            }
        }
    }

    private static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Stopwatch.GetElapsedTime(started).ShouldBeLessThan(Patience);
            await Task.Delay(10);
        }
    }

    /// <summary>A proxy for one address, so that no other test's calls meet it.</summary>
    private sealed class ProxyFor(Uri address, Uri proxy) : IWebProxy
    {
        public ICredentials? Credentials { get; set; }

        public Uri? GetProxy(Uri destination) => IsBypassed(destination) ? null : proxy;

        public bool IsBypassed(Uri host) => host.Authority != address.Authority;
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=ledger", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }
}
