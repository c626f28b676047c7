using System.Threading.Channels;

namespace Ledger.Grpc.Services;

/// <summary>The answers of a stream that wait to be written.</summary>
internal static class AnswerChannel
{
    /// <summary>Throws away what comes until the last call has ended, where nothing can be written any more.</summary>
    /// <remarks>Calls are still under way, and each closes itself; the stream may end only after the last. A channel
    /// counts as completed only when it is empty, so what is there is taken out.</remarks>
    public static async Task DiscardAllAsync<T>(ChannelReader<T> answers)
    {
        while (await answers.WaitToReadAsync())
        {
            answers.TryRead(out _);
        }
    }
}
