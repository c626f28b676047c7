namespace Ledger.StrictJson;

/// <summary>A value that is written in a form that is accepted, but not the one that the parser behind knows.</summary>
/// <param name="Start">Where its token starts.</param>
/// <param name="Length">How many bytes the token has.</param>
/// <param name="Quote">Whether quotes are to be put around it; otherwise its quotes are taken away.</param>
internal readonly record struct JsonEdit(int Start, int Length, bool Quote)
{
    /// <summary>The document with its values in the form that the parser knows.</summary>
    /// <param name="json">The document.</param>
    /// <param name="edits">The edits, in order.</param>
    public static byte[] Apply(ReadOnlySpan<byte> json, List<JsonEdit> edits)
    {
        var length = json.Length;
        foreach (var edit in edits)
        {
            length += edit.Quote ? 2 : -2;
        }

        var edited = new byte[length];
        var target = edited.AsSpan();
        var copied = 0;
        foreach (var (start, size, quote) in edits)
        {
            Append(json[copied..start], ref target);
            if (quote)
            {
                Append("\""u8, ref target);
                Append(json.Slice(start, size), ref target);
                Append("\""u8, ref target);
            }
            else
            {
                Append(json.Slice(start + 1, size - 2), ref target);
            }

            copied = start + size;
        }

        Append(json[copied..], ref target);
        return edited;
    }

    private static void Append(ReadOnlySpan<byte> bytes, ref Span<byte> target)
    {
        bytes.CopyTo(target);
        target = target[bytes.Length..];
    }
}
