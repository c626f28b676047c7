using System.Collections.Frozen;
using System.Net;

namespace Ledger.Actors;

/// <summary>Blocks, as they are looked up. Immutable.</summary>
internal sealed class BlockTable
{
    private readonly FrozenDictionary<(CallerBlockKind, string), CallerBlock> named;
    private readonly FrozenDictionary<IPAddress, CallerBlock> addresses;
    private readonly (IPNetwork Network, CallerBlock Block)[] networks;

    public BlockTable(IReadOnlyList<CallerBlock> blocks)
    {
        All = blocks;
        named = blocks.Where(static one => one.Kind != CallerBlockKind.Address)
            .ToFrozenDictionary(static one => (one.Kind, one.Subject));
        var found = blocks.Where(static one => one.Kind == CallerBlockKind.Address)
            .Select(static one => (Network: CallerBlock.NetworkOf(one.Subject), Block: one))
            .Where(static one => one.Network is not null).Select(static one => (Network: one.Network!.Value, one.Block))
            .ToArray();
        addresses = found.Where(static one => IsOne(one.Network))
            .ToFrozenDictionary(static one => one.Network.BaseAddress, static one => one.Block);
        networks = [.. found.Where(static one => !IsOne(one.Network))];
    }

    public IReadOnlyList<CallerBlock> All { get; }

    /// <summary>The block that meets a call at a time; null where none does.</summary>
    public CallerBlock? Find(string? principal, string? keyId, IPAddress? address, DateTimeOffset now)
    {
        if (All.Count == 0)
        {
            return null;
        }

        return If(principal is null ? null : named.GetValueOrDefault((CallerBlockKind.Principal, principal)), now)
            ?? If(keyId is null ? null : named.GetValueOrDefault((CallerBlockKind.Key, keyId)), now)
            ?? (address is null ? null : Find(CallerBlock.Plain(address), now));
    }

    private CallerBlock? Find(IPAddress address, DateTimeOffset now)
    {
        if (If(addresses.GetValueOrDefault(address), now) is { } exact)
        {
            return exact;
        }

        foreach (var (network, block) in networks)
        {
            if (network.BaseAddress.AddressFamily == address.AddressFamily && network.Contains(address)
                && If(block, now) is { } found)
            {
                return found;
            }
        }

        return null;
    }

    private static CallerBlock? If(CallerBlock? block, DateTimeOffset now) =>
        block is not null && block.ExpireTime > now ? block : null;

    private static bool IsOne(IPNetwork network) =>
        network.PrefixLength == network.BaseAddress.GetAddressBytes().Length * 8;
}
