using System.IO.Compression;
using Grpc.AspNetCore.Server;
using Grpc.Net.Compression;

namespace Ledger.Grpc.Edge;

/// <summary>Gzip for requests, where the settings ask for it, that gives up on what becomes too much longer.</summary>
/// <param name="ratioMax">How many times as long a message may become.</param>
internal sealed class RatioLimitedGzip(int ratioMax) : ICompressionProvider
{
    public string EncodingName => "gzip";

    /// <summary>Has gRPC calls take no compressed messages, or these alone.</summary>
    public static void Apply(GrpcServiceOptions grpc, EdgeOptions edge)
    {
        grpc.CompressionProviders.Clear();
        if (edge.AcceptCompression)
        {
            grpc.CompressionProviders.Add(new RatioLimitedGzip(edge.CompressionRatioMax));
        }
    }

    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
        new GZipStream(stream, compressionLevel ?? CompressionLevel.Fastest, leaveOpen: true);

    public Stream CreateDecompressionStream(Stream stream) =>
        new LimitedStream(new GZipStream(stream, CompressionMode.Decompress), stream.Length * ratioMax);
}
