using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Ledger.Node.Security;

/// <summary>The principal in a certificate: the one URI among its alternative names, as SPIFFE has it.</summary>
internal static class CertificateName
{
    private const string Authority = "://";
    private const string AlternativeNames = "2.5.29.17";

    // GeneralName, RFC 5280, 4.2.1.6: uniformResourceIdentifier [6] IA5String.
    private static readonly Asn1Tag s_uri = new(TagClass.ContextSpecific, 6);

    /// <summary>The principal; null where the certificate names none.</summary>
    public static string? Of(X509Certificate2 certificate)
    {
        foreach (var extension in certificate.Extensions)
        {
            if (extension.Oid?.Value is AlternativeNames)
            {
                return Read(extension.RawData);
            }
        }

        return null;
    }

    private static string? Read(byte[] names)
    {
        try
        {
            string? found = null;
            var reader = new AsnReader(names, AsnEncodingRules.DER).ReadSequence();
            while (reader.HasData)
            {
                if (!reader.PeekTag().HasSameClassAndValue(s_uri))
                {
                    reader.ReadEncodedValue();
                    continue;
                }

                if (found is not null)
                {
                    return null; // Which one it is, somebody else might decide otherwise.
                }

                found = reader.ReadCharacterString(UniversalTagNumber.IA5String, s_uri);
            }

            return found?.Contains(Authority, StringComparison.Ordinal) == true ? found : null;
        }
        catch (AsnContentException)
        {
            // Whatever else it is, it is no name.
        }

        return null;
    }
}
