using System.Diagnostics;
using Ledger.Fuzz.Inputs;

namespace Ledger.Fuzz.Shrinking;

/// <summary>Takes away from an input whatever is not needed for what it brings about.</summary>
internal sealed class Shrinker
{
    private readonly Func<FuzzInput, Task<bool>> stillFails;
    private readonly TimeSpan patience;
    private readonly Stopwatch watch = Stopwatch.StartNew();

    /// <summary>Begins.</summary>
    /// <param name="stillFails">Whether an input brings about the same.</param>
    /// <param name="patience">How long to go on.</param>
    public Shrinker(Func<FuzzInput, Task<bool>> stillFails, TimeSpan patience) =>
        (this.stillFails, this.patience) = (stillFails, patience);

    /// <summary>How many inputs were tried.</summary>
    public int Tries { get; private set; }

    /// <summary>The smallest that was found; null where the input alone brings nothing about.</summary>
    public async Task<FuzzInput?> ShrinkAsync(FuzzInput input)
    {
        if (!await TryAsync(input))
        {
            return null;
        }

        var smallest = input;
        for (var found = true; found && watch.Elapsed < patience;)
        {
            found = false;
            foreach (var candidate in Smaller(smallest))
            {
                if (watch.Elapsed >= patience)
                {
                    break;
                }

                if (await TryAsync(candidate))
                {
                    (smallest, found) = (candidate, true);
                    break;
                }
            }
        }

        return smallest;
    }

    private static IEnumerable<FuzzInput> Smaller(FuzzInput input)
    {
        for (var place = 0; place < input.Headers.Count; place++)
        {
            yield return input with { Headers = [.. input.Headers.Where((_, index) => index != place)] };
        }

        if (input.Path.IndexOf('?', StringComparison.Ordinal) is > 0 and var query)
        {
            yield return input with { Path = input.Path[..query] };
            var parts = input.Path[(query + 1)..].Split('&');
            foreach (var part in parts.Where(_ => parts.Length > 1))
            {
                yield return input with
                {
                    Path = $"{input.Path[..query]}?{string.Join('&', parts.Where(one => one != part))}"
                };
            }
        }

        var bodies = input.Form == InputForm.Grpc ? SmallerFrames(input.Body) : SmallerBytes(input.Body);
        foreach (var body in bodies)
        {
            yield return input with { Body = body };
        }
    }

    // Whole messages first, then fields of each, then bytes.
    private static IEnumerable<byte[]> SmallerFrames(byte[] body)
    {
        if (WireParts.Split(body) is not { } messages)
        {
            return SmallerBytes(body);
        }

        return Frames().Concat(SmallerBytes(body));

        IEnumerable<byte[]> Frames()
        {
            for (var place = 0; messages.Count > 1 && place < messages.Count; place++)
            {
                yield return Join(messages.Where((_, index) => index != place));
            }

            for (var place = 0; place < messages.Count; place++)
            {
                foreach (var smaller in WireParts.Smaller(messages[place]).Concat(SmallerBytes(messages[place])))
                {
                    yield return Join(messages.Select((message, index) => index == place ? smaller : message));
                }
            }
        }
    }

    private static byte[] Join(IEnumerable<byte[]> messages) =>
        [.. messages.SelectMany(static message => GrpcMaker.Frame(message))];

    // Without a half, a quarter, and so on, down to single bytes of what is short.
    private static IEnumerable<byte[]> SmallerBytes(byte[] bytes)
    {
        if (bytes.Length == 0)
        {
            yield break;
        }

        var least = Math.Max(1, bytes.Length / 512);
        for (var size = (bytes.Length + 1) / 2; size >= least; size /= 2)
        {
            for (var start = 0; start < bytes.Length; start += size)
            {
                yield return [.. bytes.AsSpan(0, start), .. bytes.AsSpan(Math.Min(bytes.Length, start + size))];
            }
        }
    }

    private async Task<bool> TryAsync(FuzzInput input)
    {
        Tries++;
        return await stillFails(input);
    }
}
