using System.Security.Cryptography;
using System.Text;
using Ledger.Client;

namespace Ledger.Cli.Import;

/// <summary>The register of a namespace: two accounts of its own, between which each imported transaction makes an
/// entry of zero under the id of its key.</summary>
/// <remarks>
/// Two transfers under one id that share no account both happen. So a row whose accounts were all edited, or mapped to
/// others, would be booked a second time. The entry is the first leg of every imported transaction, so each has the
/// register's account in common with all earlier forms of itself, whatever else was edited: the ledger sees the id.
/// Since the entry's id is that of the key and not of the attempt, only one attempt can ever be booked.
/// </remarks>
internal sealed class ImportRegister
{
    private const string Root = "ledger-imports";
    private const string Asset = "IMPORT/0";
    private const uint Code = 1;
    private const int ReadableMax = 40;

    private readonly string name;

    public ImportRegister(string importNamespace)
    {
        name = importNamespace;
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(importNamespace)).AsSpan(0, 8));
        var readable = string.Concat(importNamespace.Take(ReadableMax)
            .Select(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' ? c : '-'));
        Rows = $"{Root}:{readable}-{hash}:rows";
        Keys = $"{Root}:{readable}-{hash}:keys";
    }

    /// <summary>The account at which each transaction of the namespace is found.</summary>
    public string Rows { get; }

    /// <summary>The account on the other side of each entry.</summary>
    public string Keys { get; }

    /// <summary>The two accounts, to be opened.</summary>
    public IReadOnlyList<AccountSpec> Accounts => [Spec(Rows), Spec(Keys)];

    /// <summary>Whether an account is of the register of some namespace, and holds nobody's money.</summary>
    public static bool Owns(string address, string asset) =>
        string.Equals(asset, Asset, StringComparison.Ordinal)
        && address.StartsWith(Root + ":", StringComparison.Ordinal);

    /// <summary>The entry of a key. It says nothing that can be edited.</summary>
    public Transfer Entry(string key) => new()
    {
        Id = ImportIds.OfKey(name, key),
        DebitAccount = Rows,
        CreditAccount = Keys,
        Amount = UInt128.Zero,
        Asset = Asset,
        Code = Code,
        Metadata = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["namespace"] = name,
            ["transaction"] = key,
        },
    };

    private static AccountSpec Spec(string address) => new() { Address = address, Asset = Asset, Code = Code };
}
