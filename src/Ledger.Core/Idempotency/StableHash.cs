namespace Ledger.Core;

/// <summary>A hash of text that is the same in every process, which that of <see cref="string"/> is not: FNV-1a over
/// its UTF-16 units. Nothing for secrets.</summary>
internal static class StableHash
{
    /// <summary>Hashes a text.</summary>
    public static ulong Of(string text)
    {
        var hash = 0xCBF2_9CE4_8422_2325UL;
        foreach (var c in text)
        {
            hash = unchecked((hash ^ c) * 0x100_0000_01B3UL);
        }

        return hash;
    }
}
