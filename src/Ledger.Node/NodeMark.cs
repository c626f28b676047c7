using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Ledger.Node;

/// <summary>How a certificate says that it is a node's: by a name of SPIFFE. Clients may have certificates of the same
/// authority, and a node believes another one whatever it says.</summary>
internal static class NodeMark
{
    /// <summary>What such a name looks like.</summary>
    public const string Example = "spiffe://ledger.example/ledger-node";

    private const string Scheme = "spiffe";
    private const string Path = "/ledger-node";
    private const string AlternativeNames = "2.5.29.17";

    // GeneralName, RFC 5280: uniformResourceIdentifier [6] IA5String.
    private static readonly Asn1Tag UriName = new(TagClass.ContextSpecific, 6);

    /// <summary>Whether a certificate says so.</summary>
    public static bool IsOn(X509Certificate2 certificate) =>
        certificate.Extensions[AlternativeNames] is { } names && Uris(names.RawData).Any(static text =>
            Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme == Scheme
            && uri.AbsolutePath.EndsWith(Path, StringComparison.Ordinal));

    private static List<string> Uris(byte[] names)
    {
        var found = new List<string>();
        try
        {
            var all = new AsnReader(names, AsnEncodingRules.DER).ReadSequence();
            while (all.HasData)
            {
                if (all.PeekTag().HasSameClassAndValue(UriName))
                {
                    found.Add(all.ReadCharacterString(UniversalTagNumber.IA5String, UriName));
                }
                else
                {
                    all.ReadEncodedValue();
                }
            }
        }
        catch (AsnContentException)
        {
            return []; // No name can be read in it.
        }

        return found;
    }
}
