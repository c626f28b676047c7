using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Npgsql;

namespace Ledger.Tests.Shared;

/// <summary>PgBouncer in front of a server of the tests, as an operator may have it.</summary>
public sealed class PgBouncer : IDisposable
{
    private static readonly string[] s_places = [
        "/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer"];

    private readonly string _directory = Directory.CreateTempSubdirectory("ledger-pgb-").FullName;
    private readonly Process _process;

    /// <summary>Starts it, and waits until it listens.</summary>
    /// <param name="connectionString">Where it leads.</param>
    /// <param name="poolMode">session, transaction or statement.</param>
    /// <param name="ignored">What of a connection's start it passes over, instead of refusing the connection.</param>
    public PgBouncer(
        string connectionString, string poolMode, string ignored = "extra_float_digits,options,search_path")
    {
        var program = s_places.FirstOrDefault(File.Exists)
            ?? throw new InvalidOperationException(
                "These tests need PgBouncer, which eng/setup.sh --all installs (Debian: apt-get install pgbouncer).");
        var target = new NpgsqlConnectionStringBuilder(connectionString);
        var port = LoopbackPort.Next();
        ConnectionString = new NpgsqlConnectionStringBuilder(connectionString) { Host = "127.0.0.1", Port = port }
            .ToString();
        var users = Path.Combine(_directory, "users");
        File.WriteAllText(users, $"\"{target.Username}\" \"\"\n");
        var settings = Path.Combine(_directory, "pgbouncer.ini");
        File.WriteAllText(settings, string.Create(CultureInfo.InvariantCulture, $"""
            [databases]
            * = host={target.Host} port={target.Port}
            [pgbouncer]
            listen_addr=127.0.0.1
            listen_port={port}
            auth_type=trust
            auth_file={users}
            ignore_startup_parameters={ignored}
            pool_mode={poolMode}
            default_pool_size=60
            max_client_conn=200
            unix_socket_dir=
            server_login_retry=1
            {(ignored.Length == 0 ? "" : "application_name_add_host=0")}

            """));
        var start =
            new ProcessStartInfo(program) { UseShellExecute = false, RedirectStandardError = true,
                RedirectStandardOutput = true };
        if (Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows())
        {
            // It refuses to run as root.
            File.SetUnixFileMode(_directory, (UnixFileMode)0b111_101_101);
            start.FileName = "runuser";
            foreach (var argument in (string[])["-u", "postgres", "--", program])
            {
                start.ArgumentList.Add(argument);
            }
        }

        start.ArgumentList.Add(settings);
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        _process.OutputDataReceived += static (_, _) => { };
        _process.ErrorDataReceived += static (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Dispose();
        WaitFor(port);
    }

    /// <summary>How a node reaches the server through it.</summary>
    public string ConnectionString { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }
    }

    private void WaitFor(int port)
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var socket = new TcpClient("127.0.0.1", port);
                return;
            }
            catch (SocketException) when (!_process.HasExited && Stopwatch.GetElapsedTime(started) < Until.Patience)
            {
                Thread.Sleep(20);
            }
        }
    }
}
