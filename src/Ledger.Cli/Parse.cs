using System.CommandLine.Parsing;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ledger.Client;

namespace Ledger.Cli;

/// <summary>Reads what stands on the command line. Each method says in one line what is wrong.</summary>
internal static class Parse
{
    /// <summary>An amount that may be left out.</summary>
    public static UInt128? OptionalAmount(ArgumentResult result)
    {
        var before = result.Errors.Count();
        var amount = Amount(result);
        return result.Errors.Count() == before ? amount : null;
    }

    public static UInt128 Amount(ArgumentResult result)
    {
        var text = Text(result);
        if (Syntax.TryAmount(text, out var amount))
        {
            return amount;
        }

        result.AddError($"{Name(result)}: '{text}' is not an amount in minor units, a whole number such as 1250.");
        return default;
    }

    /// <summary>A limit: the allowance that follows it, or 0 when none does.</summary>
    public static UInt128? Allowance(ArgumentResult result)
    {
        if (result.Tokens.Count == 0)
        {
            return UInt128.Zero;
        }

        var text = Text(result);
        if (Syntax.TryAmount(text, out var amount))
        {
            return amount;
        }

        result.AddError($"{Name(result)}: '{text}' is not an allowance in minor units, a whole number such as 50000.");
        return null;
    }

    public static string Address(ArgumentResult result)
    {
        var text = Text(result);
        if (!Syntax.IsAddress(text))
        {
            result.AddError($"{Name(result)}: '{text}' is not an account address such as users:42:wallet.");
        }

        return text;
    }

    public static string Asset(ArgumentResult result)
    {
        var text = Text(result);
        if (!Syntax.IsAsset(text))
        {
            result.AddError($"{Name(result)}: '{text}' is not an asset such as USD/2.");
        }

        return text;
    }

    public static uint Code(ArgumentResult result)
    {
        var text = Text(result);
        if (uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code > 0)
        {
            return code;
        }

        result.AddError($"{Name(result)}: '{text}' is not a code, a whole number from 1 to {uint.MaxValue}.");
        return default;
    }

    public static Guid? Id(ArgumentResult result)
    {
        var text = Text(result);
        if (Guid.TryParseExact(text, "D", out var id))
        {
            return id;
        }

        result.AddError($"{Name(result)}: '{text}' is not a UUID such as 0190a5d2-7c1e-7b3a-9f00-2b1c3d4e5f60.");
        return null;
    }

    public static ulong? Sequence(ArgumentResult result)
    {
        var text = Text(result);
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0)
        {
            return number;
        }

        result.AddError($"{Name(result)}: '{text}' is not a number from 1.");
        return null;
    }

    /// <summary>A date or time; without an offset it is UTC, so that a script means the same everywhere.</summary>
    public static DateTimeOffset? Time(ArgumentResult result)
    {
        var text = Text(result);
        string[] forms =
        [
            "yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF",
            "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK",
        ];
        if (DateTimeOffset.TryParseExact(
            text, forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
        {
            return time;
        }

        result.AddError($"{Name(result)}: '{text}' is not a time such as 2025-01-31 or 2025-01-31T12:00:00Z.");
        return null;
    }

    public static LengthOfTime Duration(ArgumentResult result)
    {
        var text = Text(result);
        if (Syntax.TryDuration(text, out var duration))
        {
            return new LengthOfTime(duration);
        }

        result.AddError($"{Name(result)}: '{text}' is not a length of time such as 500ms, 10s or 2m.");
        return default;
    }

    /// <summary>How long something may last, which may be days.</summary>
    public static TimeSpan LongDuration(ArgumentResult result)
    {
        var text = Text(result);
        if (Syntax.TryLongDuration(text, out var duration) && duration > TimeSpan.Zero)
        {
            return duration;
        }

        result.AddError($"{Name(result)}: '{text}' is not a length of time such as 15m, 24h or 7d.");
        return default;
    }

    public static string Reason(ArgumentResult result)
    {
        var text = Text(result);
        if (text.Length > Syntax.ReasonLengthMax)
        {
            result.AddError(
                $"{Name(result)}: the reason has {text.Length} characters; at most {Syntax.ReasonLengthMax} can be "
                    + "kept.");
        }

        return text;
    }

    public static LengthOfTime PositiveDuration(ArgumentResult result)
    {
        var duration = Duration(result);

        // What can't be read is told already.
        if (duration == default && Syntax.TryDuration(Text(result), out _))
        {
            result.AddError($"{Name(result)} must be longer than zero.");
        }

        return duration;
    }

    public static IReadOnlyDictionary<string, string> Metadata(ArgumentResult result)
    {
        var metadata = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var token in result.Tokens)
        {
            var equals = token.Value.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1)
            {
                result.AddError($"--metadata: '{token.Value}' is not a key=value pair.");
            }
            else if (!metadata.TryAdd(token.Value[..equals], token.Value[(equals + 1)..]))
            {
                result.AddError($"--metadata: the key '{token.Value[..equals]}' is given twice.");
            }
        }

        return metadata;
    }

    public static Uri[]? Servers(ArgumentResult result, string text, string source = "--server: ")
    {
        var addresses = new List<Uri>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!Uri.TryCreate(part, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            {
                result.AddError($"{source}'{part}' is not an address such as http://localhost:5001.");
                return null;
            }

            addresses.Add(address);
        }

        if (addresses.Select(a => a.Scheme).Distinct(StringComparer.Ordinal).Count() > 1)
        {
            result.AddError($"{source}all addresses must have the same scheme.");
            return null;
        }

        return [.. addresses];
    }

    /// <summary>The certificates in a file.</summary>
    public static X509Certificate2Collection? Authorities(
        ArgumentResult result, string path, string source = "--authority: ")
    {
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPemFile(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or CryptographicException
            or ArgumentException)
        {
            result.AddError($"{source}'{path}' can't be read: {failure.Message}");
            return null;
        }

        if (found.Count == 0)
        {
            result.AddError(
                $"{source}'{path}' holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----.");
            return null;
        }

        return found;
    }

    public static Func<CancellationToken, ValueTask<string>>? TokenFile(
        ArgumentResult result, string path, string source = "--token-file: ")
    {
        try
        {
            return LedgerCredentials.TokenFromFile(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException
            or InvalidDataException)
        {
            result.AddError($"{source}'{path}' can't be used: {failure.Message}");
            return null;
        }
    }

    public static string? File(ArgumentResult result, string path, string source)
    {
        if (System.IO.File.Exists(path))
        {
            return path;
        }

        result.AddError($"{source}there is no file '{path}'.");
        return null;
    }

    /// <summary>What is wrong with a certificate and its key; null when they can be shown.</summary>
    public static string? CertificateProblem(string certificate, string key)
    {
        try
        {
            using var shown = X509Certificate2.CreateFromPemFile(certificate, key);
            return null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or CryptographicException
            or ArgumentException)
        {
            return $"--client-certificate: '{certificate}' with '{key}' can't be shown: {failure.Message}";
        }
    }

    private static string Text(ArgumentResult result) => result.Tokens.Count == 0 ? "" : result.Tokens[^1].Value;

    private static string Name(ArgumentResult result) =>
        result.Parent is OptionResult option ? option.Option.Name : result.Argument.Name;
}
