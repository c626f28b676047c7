using System.Security.Cryptography.X509Certificates;

namespace Ledger.Client;

/// <summary>Credentials from files, which are read again when they change. Thread-safe.</summary>
public static class LedgerCredentials
{
    /// <summary>The token in a file, for <see cref="LedgerClientOptions.Token"/>. White space around it is
    /// ignored.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It can't be read; a later failure is one of the call that needs it.</exception>
    /// <exception cref="InvalidDataException">It holds no token.</exception>
    public static Func<CancellationToken, ValueTask<string>> TokenFromFile(string path)
    {
        var file = new FreshFile<string>([path], static paths =>
        {
            var token = File.ReadAllText(paths[0]).Trim();
            return token.Length > 0 && !token.Any(char.IsWhiteSpace)
                ? token
                : throw new InvalidDataException($"{paths[0]} holds no token: one word is wanted.");
        });
        return _ => ValueTask.FromResult(file.Value);
    }

    /// <summary>The certificate in two files, for <see cref="LedgerClientOptions.ClientCertificate"/>.</summary>
    /// <param name="certificatePath">The certificate, as PEM.</param>
    /// <param name="keyPath">Its key, as PEM.</param>
    /// <exception cref="IOException">They can't be read.</exception>
    /// <exception cref="System.Security.Cryptography.CryptographicException">They are no certificate and its
    /// key.</exception>
    public static Func<X509Certificate2> CertificateFromFiles(string certificatePath, string keyPath)
    {
        var file = new FreshFile<X509Certificate2>(
            [certificatePath, keyPath], static paths => X509Certificate2.CreateFromPemFile(paths[0], paths[1]));
        return () => file.Value;
    }
}
