using System.Globalization;
using Ledger.Access;

namespace Ledger.Node.Security;

/// <summary>What an operator does with keys and policies: makes a key, and checks a policy before it is put in
/// place.</summary>
internal static class AccessCommand
{
    public const string KeyName = "key";
    public const string PolicyName = "policy";

    private const string KeyUsage = "key create ID --principal NAME [--days N]";
    private const string PolicyUsage = "policy check FILE";
    private const int DefaultDays = 90;
    private const int DaysMax = 3660;

    /// <summary>Makes a key: prints it once, and what the policy is to hold of it.</summary>
    /// <param name="args">What stands behind the command's name.</param>
    /// <param name="output">Where to print.</param>
    /// <param name="clock">From when on it is valid.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="SettingsException">The command is not understood.</exception>
    public static int RunKey(string[] args, TextWriter output, TimeProvider clock)
    {
        var (id, principal, days) = args switch
        {
            ["create", var name, "--principal", var whose] => (name, whose, DefaultDays),
            ["create", var name, "--principal", var whose, "--days", var count] when int.TryParse(
                count, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed)
                && parsed is > 0 and <= DaysMax =>
                (name, whose, parsed),
            _ => throw new SettingsException($"{KeyUsage}: N is 1 to {DaysMax}, {DefaultDays} where it is not given"),
        };
        if (Principals.Check(principal) is { } problem || principal.Length == 0)
        {
            throw new SettingsException($"--principal is '{principal}', which is no name of a principal");
        }

        (string Key, System.Collections.Immutable.ImmutableArray<byte> Hash) made;
        try
        {
            made = ApiKey.Create(id);
        }
        catch (ArgumentException)
        {
            throw new SettingsException($"'{id}' is no id of a key, which has 1 to 32 ASCII letters and digits");
        }

        var end = clock.GetUtcNow().AddDays(days);
        output.WriteLine("The key, which is shown this once; give it to its owner alone, as a file:");
        output.WriteLine(made.Key);
        output.WriteLine("What the policy is to hold of it, under \"keys\":");
        output.WriteLine(
            $"\"{id}\": {{ \"principal\": {System.Text.Json.JsonSerializer.Serialize(principal)}, \"sha256\":"
            + $" \"{Convert.ToHexStringLower(made.Hash.AsSpan())}\","
            + $" \"expireTime\": \"{end.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)}\" }}");
        return 0;
    }

    /// <summary>Reads a policy as a node does.</summary>
    /// <param name="args">What stands behind the command's name.</param>
    /// <param name="output">Where to print.</param>
    /// <returns>The exit code: 0 when a node would take it.</returns>
    /// <exception cref="SettingsException">The command is not understood, or a node would refuse the
    /// policy.</exception>
    public static int RunPolicy(string[] args, TextWriter output)
    {
        if (args is not ["check", var path])
        {
            throw new SettingsException(PolicyUsage);
        }

        try
        {
            var policy = AccessPolicyFile.Read(path);
            output.WriteLine($"A node takes it: {policy.PrincipalCount} principals and {policy.KeyCount} keys.");
            return 0;
        }
        catch (AccessPolicyException e)
        {
            throw new SettingsException(e.Message);
        }
    }
}
