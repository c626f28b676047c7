using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Ledger.Chaos.Proxy;
using Ledger.Tests.Shared;

namespace Ledger.Chaos.Tests;

/// <summary>Each behaviour of a link, over loopback: what comes through, what does not, and what the other side
/// sees.</summary>
public sealed class ProxyTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // How long something must not happen to count as not happening. Too short a time can only miss a fault.
    private static readonly TimeSpan Silence = TimeSpan.FromMilliseconds(300);

    [Fact]
    public async Task Bytes_pass_both_ways_and_so_does_the_end()
    {
        await using var loopback = new Loopback();
        using var client = await loopback.ConnectAsync();
        var sent = new byte[100_000];
        new Random(1).NextBytes(sent);
        var sending = client.SendAsync(sent);
        (await ReceiveAsync(client, sent.Length)).ShouldBe(sent);
        await sending;
        client.Shutdown(SocketShutdown.Send);
        (await client.ReceiveAsync(new byte[1]).WaitAsync(Patience)).ShouldBe(0);
    }

    [Fact]
    public async Task What_is_sent_into_a_stall_is_held_and_arrives_when_it_ends()
    {
        await using var loopback = new Loopback();
        using var client = await loopback.ConnectAsync();
        await EchoAsync(client, "before");
        loopback.Link.Set(Behaviour.Stall);
        await client.SendAsync("stalled"u8.ToArray());
        var receiving = ReceiveAsync(client, "stalled".Length);
        (await Task.WhenAny(receiving, Task.Delay(Silence))).ShouldNotBe(receiving);
        loopback.Link.Heal();
        Encoding.UTF8.GetString(await receiving.WaitAsync(Patience)).ShouldBe("stalled");
    }

    [Fact]
    public async Task A_stall_of_one_direction_leaves_the_other_alone()
    {
        await using var loopback = new Loopback();
        using var client = await loopback.ConnectAsync();
        await EchoAsync(client, "before");
        var bytes = loopback.Link.Bytes;
        loopback.Link.Backward.Behaviour = Behaviour.Stall;
        await client.SendAsync("x"u8.ToArray());

        // The echo has come back as far as the proxy, so what was sent has come through.
        await Until.TrueAsync(() => loopback.Link.Bytes == bytes + 2);
        var receiving = ReceiveAsync(client, 1);
        (await Task.WhenAny(receiving, Task.Delay(Silence))).ShouldNotBe(receiving);
        loopback.Link.Heal();
        await receiving.WaitAsync(Patience);
    }

    [Fact]
    public async Task A_connection_into_a_stall_is_made_when_it_ends()
    {
        await using var loopback = new Loopback();
        loopback.Link.Backward.Behaviour = Behaviour.Stall;
        using var client = await loopback.ConnectAsync();
        await client.SendAsync("x"u8.ToArray());
        loopback.Link.ConnectionCount.ShouldBe(0);
        loopback.Link.Heal();
        (await ReceiveAsync(client, 1)).Length.ShouldBe(1);
    }

    [Fact]
    public async Task Bytes_are_late_by_the_delay_and_in_order()
    {
        await using var loopback = new Loopback();
        using var client = await loopback.ConnectAsync();
        loopback.Link.Set(new Behaviour
        {
            Delay = TimeSpan.FromMilliseconds(100),
            Jitter = TimeSpan.FromMilliseconds(50),
        });
        var clock = Stopwatch.StartNew();
        var text = string.Concat(Enumerable.Range(0, 50).Select(static i => i + ","));
        foreach (var part in text.Chunk(10))
        {
            await client.SendAsync(Encoding.UTF8.GetBytes(part));
        }

        Encoding.UTF8.GetString(await ReceiveAsync(client, text.Length)).ShouldBe(text);
        clock.Elapsed.ShouldBeGreaterThan(TimeSpan.FromMilliseconds(195));
    }

    [Fact]
    public async Task Bytes_come_no_faster_than_the_link_is()
    {
        await using var loopback = new Loopback();
        using var client = await loopback.ConnectAsync();
        loopback.Link.Forward.Behaviour = new Behaviour { BytesPerSecond = 20_000 };
        var clock = Stopwatch.StartNew();
        await client.SendAsync(new byte[10_000]);
        await ReceiveAsync(client, 10_000);
        clock.Elapsed.ShouldBeGreaterThan(TimeSpan.FromMilliseconds(450));
    }

    [Fact]
    public async Task Loss_makes_bytes_late_and_takes_none()
    {
        await using var loopback = new Loopback();
        using var client = await loopback.ConnectAsync();
        loopback.Link.Forward.Behaviour = new Behaviour { LossChance = 1, LossPause = TimeSpan.FromMilliseconds(200) };
        var clock = Stopwatch.StartNew();
        await EchoAsync(client, "lost at first");
        clock.Elapsed.ShouldBeGreaterThan(TimeSpan.FromMilliseconds(195));
    }

    [Fact]
    public async Task Loss_may_reset_the_connection()
    {
        await using var loopback = new Loopback();
        using var client = await loopback.ConnectAsync();
        loopback.Link.Forward.Behaviour = new Behaviour { ResetChance = 1 };
        await client.SendAsync("x"u8.ToArray());
        await ShouldBeResetAsync(client);
    }

    [Fact]
    public async Task Reset_resets_what_is_there_and_nothing_later()
    {
        await using var loopback = new Loopback();
        using var client = await loopback.ConnectAsync();
        await EchoAsync(client, "before");
        loopback.Link.Reset().ShouldBe(1);
        await ShouldBeResetAsync(client);
        using var next = await loopback.ConnectAsync();
        await EchoAsync(next, "after");
    }

    [Fact]
    public async Task Refused_connections_are_reset()
    {
        await using var loopback = new Loopback();
        loopback.Link.Admission = Admission.Refuse;

        // Connecting itself may fail already, when the reset is there first.
        (await Should.ThrowAsync<SocketException>(async () =>
        {
            using var client = await loopback.ConnectAsync();
            await ReceiveAsync(client, 1);
        })).SocketErrorCode.ShouldBe(SocketError.ConnectionReset);
        loopback.Link.Heal();
        using var next = await loopback.ConnectAsync();
        await EchoAsync(next, "after");
    }

    [Fact]
    public async Task A_suspended_listener_is_not_there_and_comes_back_at_the_same_place()
    {
        await using var loopback = new Loopback();
        using var client = await loopback.ConnectAsync();
        await EchoAsync(client, "before");
        loopback.Proxy.Suspend();
        (await Should.ThrowAsync<SocketException>(loopback.ConnectAsync())).SocketErrorCode
            .ShouldBe(SocketError.ConnectionRefused);
        await EchoAsync(client, "connections stay");
        loopback.Proxy.Resume();
        using var next = await loopback.ConnectAsync();
        await EchoAsync(next, "after");
    }

    [Fact]
    public async Task A_half_open_connection_stays_and_carries_nothing()
    {
        await using var loopback = new Loopback();
        using var client = await loopback.ConnectAsync();
        await EchoAsync(client, "before");
        loopback.Link.Orphan().ShouldBe(1);
        await client.SendAsync("into nothing"u8.ToArray());
        var receiving = ReceiveAsync(client, 1);
        (await Task.WhenAny(receiving, Task.Delay(Silence))).ShouldNotBe(receiving);
        using var next = await loopback.ConnectAsync();
        await EchoAsync(next, "new ones work");
        loopback.Link.ResetOrphans();
        await Should.ThrowAsync<SocketException>(receiving.WaitAsync(Patience));
        await EchoAsync(next, "and are left alone");
    }

    [Fact]
    public async Task The_process_at_the_other_end_is_found()
    {
        int? owner = null;
        Link link = Link.Between("test", 1);
        await using var loopback = new Loopback(socket =>
        {
            owner = SocketOwners.OwnerOf(socket, [Environment.ProcessId]);
            return link;
        });
        using var client = await loopback.ConnectAsync();
        await EchoAsync(client, "x");
        owner.ShouldBe(Environment.ProcessId);
        SocketOwners.IsListening(loopback.Proxy.EndPoint).ShouldBeTrue();
        SocketOwners.IsListening(
            new System.Net.IPEndPoint(System.Net.IPAddress.Parse("127.9.9.9"), loopback.Proxy.EndPoint.Port))
            .ShouldBeFalse();
    }

    [Fact]
    public async Task A_connection_of_somebody_else_belongs_to_none()
    {
        int? owner = 0;
        Link link = Link.Between("test", 1);
        await using var loopback = new Loopback(socket =>
        {
            owner = SocketOwners.OwnerOf(socket, [1]);
            return link;
        });
        using var client = await loopback.ConnectAsync();
        await EchoAsync(client, "x");
        owner.ShouldBeNull();
    }

    [Fact]
    public void Chances_follow_from_the_seed()
    {
        static string Draw(int seed)
        {
            var direction = new Direction("test", seed);
            return string.Concat(Enumerable.Range(0, 100).Select(_ => direction.Chance(0.5) ? '1' : '0'));
        }

        Draw(5).ShouldBe(Draw(5));
        Draw(5).ShouldNotBe(Draw(6));
    }

    private static async Task EchoAsync(Socket client, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        await client.SendAsync(bytes);
        Encoding.UTF8.GetString(await ReceiveAsync(client, bytes.Length)).ShouldBe(text);
    }

    private static async Task<byte[]> ReceiveAsync(Socket client, int count)
    {
        var bytes = new byte[count];
        using var patience = new CancellationTokenSource(Patience);
        for (var at = 0; at < count;)
        {
            var got = await client.ReceiveAsync(bytes.AsMemory(at), patience.Token);
            got.ShouldBeGreaterThan(0, "the connection ended");
            at += got;
        }

        return bytes;
    }

    private static async Task ShouldBeResetAsync(Socket client) =>
        (await Should.ThrowAsync<SocketException>(ReceiveAsync(client, 1)))
            .SocketErrorCode.ShouldBe(SocketError.ConnectionReset);
}
