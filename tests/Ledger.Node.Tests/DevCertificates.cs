using System.Diagnostics;

namespace Ledger.Node.Tests;

/// <summary>An authority and certificates of nodes, made by the script that operators use for dry runs. Needs bash and
/// openssl.</summary>
internal sealed class DevCertificates
{
    private readonly string directory;

    public DevCertificates(string directory, params string[] hosts)
    {
        this.directory = directory;
        var start = new ProcessStartInfo("bash")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(FindScript());
        start.ArgumentList.Add(directory);
        foreach (var host in hosts)
        {
            start.ArgumentList.Add(host);
        }

        using var script = Process.Start(start)!;
        var told = script.StandardOutput.ReadToEndAsync();
        var error = script.StandardError.ReadToEnd();
        script.WaitForExit();
        script.ExitCode.ShouldBe(0, error + told.Result);
    }

    public string Authority => Path.Combine(directory, "authority.pem");

    public string Certificate(string host) => Path.Combine(directory, host + ".pem");

    public string Key(string host) => Path.Combine(directory, host + ".key");

    /// <summary>The settings of a node that shows the certificate of a host.</summary>
    public string[] Settings(string host) =>
    [
        $"--Ledger:Cluster:Tls:CertificatePath={Certificate(host)}",
        $"--Ledger:Cluster:Tls:KeyPath={Key(host)}",
        $"--Ledger:Cluster:Tls:AuthorityPath={Authority}",
    ];

    private static string FindScript()
    {
        var place = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(place!.FullName, "Ledger.sln")))
        {
            place = place.Parent;
        }

        return Path.Combine(place.FullName, "eng", "dev-certs.sh");
    }
}
