using System.Buffers.Binary;
using System.Globalization;
using Google.Protobuf.Reflection;

namespace Ledger.Fuzz.Inputs;

/// <summary>Gives a request the form of gRPC, with faults of its bytes, its frames and its headers.</summary>
internal sealed class GrpcMaker(TreeMaker maker, TreeFaults faults)
{
    private const int FrameHead = 5;
    private const int MessagesMax = 6;

    // For a stream that would not end by itself.
    private const string StreamTimeout = "1S";

    private static readonly WireFault[] s_wireFaults = [
        .. Enum.GetValues<WireFault>().Where(static one => one != WireFault.None)];

    private static readonly string[] s_timeouts = [
        "1n", "1u", "1m", "0S", "1S", "99999999H", "-1S", "1", "S", "1.5S", "123456789S", "1x", ""];

    private static readonly KeyValuePair<string, string>[] s_headers =
    [
        new("grpc-encoding", "identity"), new("grpc-encoding", "gzip"), new("grpc-encoding", "none of it"),
        new("grpc-accept-encoding", "gzip,deflate,br"), new("grpc-accept-encoding", ""), new("traceparent", "00-xyz"),
        new("traceparent", "00-00000000000000000000000000000000-0000000000000000-00"),
        new("baggage", new string('b', 8_000)),
        new("x-bin", "%%%"), new("x-long", new string('x', 6_000)), new("x-longer", new string('x', 20_000)),
        new("authorization", "Basic eDp5"), new("authorization", "Bearer"), new("authorization", "Bearer a.b.c"),
        new("grpc-previous-rpc-attempts", "many"), new("x-forwarded-for", "10.9.8.7"), new("host", "attacker.example"),
        new("origin", "http://attacker.example"), new("user-agent", ""), new("te", "gzip"),
    ];

    private static readonly string[] s_contentTypes =
        ["application/grpc+proto", "application/grpc+json", "application/grpc-web", "application/json", "text/plain",
            "application/grpc;x=y", ""];

    /// <summary>Makes an input of a method.</summary>
    public FuzzInput Make(MethodDescriptor method, Draw draw, long number)
    {
        var told = new List<string>();
        var count = method.IsClientStreaming ? 1 + draw.Below(MessagesMax) : 1;
        var left = draw.Of(0, 0, 1, 1, 1, 2);
        var headers = new List<KeyValuePair<string, string>>
        {
            new("content-type", "application/grpc"), new("te", "trailers"),
        };
        if (method.IsServerStreaming && draw.Percent(30))
        {
            headers.Add(new("grpc-timeout", StreamTimeout));
        }

        var body = new List<byte>();
        var path = Surface.PathOf(method);
        for (var message = 0; message < count; message++)
        {
            var tree = maker.Make(method.InputType, draw, number);
            var (wire, frame) = (WireFault.None, false);
            for (; left > 0 && (message == count - 1 || draw.Percent(50)); left--)
            {
                switch (draw.Below(20))
                {
                    case < 12:
                        told.Add(faults.Apply(tree, draw, number));
                        break;
                    case < 17:
                        wire = draw.Of(s_wireFaults);
                        told.Add(wire.ToString());
                        break;
                    case < 18:
                        frame = true;
                        told.Add("frame");
                        break;
                    default:
                        told.Add(ChangeHeaders(headers, draw));
                        break;
                }
            }

            var bytes = WireWriter.Write(tree, wire, draw.Below(Math.Max(1, tree.Count())), draw);
            body.AddRange(frame ? BrokenFrame(bytes, draw) : Frame(bytes));
        }

        if (method.IsServerStreaming && !method.IsClientStreaming)
        {
            // One that only the server ends would go on for ever.
            headers.RemoveAll(static one => one.Key == "grpc-timeout");
            headers.Add(new("grpc-timeout", StreamTimeout));
        }

        var isRouted = !draw.OnceIn(200);
        return new FuzzInput
        {
            Number = number,
            Form = InputForm.Grpc, Method = method.FullName, Faults = string.Join(", ", told),
            Headers = headers,
            Path = isRouted
            ? path
            : draw.Of(path + "s", path.ToUpperInvariant(), $"/{method.Service.FullName}/", "/ledger.v1./", "/"),
            Body = [.. body], IsRouted = isRouted,
        };
    }

    /// <summary>A message in its frame.</summary>
    public static byte[] Frame(ReadOnlySpan<byte> message, byte flag = 0, uint? length = null)
    {
        var frame = new byte[FrameHead + message.Length];
        frame[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), length ?? (uint)message.Length);
        message.CopyTo(frame.AsSpan(FrameHead));
        return frame;
    }

    private static byte[] BrokenFrame(byte[] message, Draw draw) => draw.Below(9) switch
    {
        0 => Frame(message, draw.Of<byte>(1, 2, 128, 255)),
        1 => Frame(message, length: draw.Of<uint>((uint)message.Length + 1, 5_000_000, int.MaxValue, uint.MaxValue)),
        2 => Frame(message, length: (uint)Math.Max(0, message.Length - 1)),
        3 => Frame(message, length: 0),
        4 => message,
        5 => [],
        6 => [.. Frame(message), .. Frame(message)],
        7 => [.. Frame(message), .. new byte[draw.Of(1, 4, 5, 6, 70_000)]],
        _ => Frame(message)[..draw.Below(FrameHead + message.Length)],
    };

    private static string ChangeHeaders(List<KeyValuePair<string, string>> headers, Draw draw)
    {
        var (name, value) = draw.Below(4) switch
        {
            0 => ("grpc-timeout", draw.Of(s_timeouts)),
            1 => ("content-type", draw.Of(s_contentTypes)),
            _ => draw.Of(s_headers) is var one ? (one.Key, one.Value) : default,
        };
        headers.RemoveAll(one => one.Key == name);
        if (name != "content-type" || value.Length > 0)
        {
            headers.Add(new(name, value));
        }

        return string.Create(CultureInfo.InvariantCulture, $"{name}: {(value.Length > 40 ? value.Length : value)}");
    }
}
