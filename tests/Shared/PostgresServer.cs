using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace Ledger.Tests.Shared;

/// <summary>A PostgreSQL server of the tests' own, with durability left on. One per test assembly; every test class
/// takes a database of its own. <c>LEDGER_TEST_POSTGRES</c> names a connection string to use instead, as a user who may
/// create databases; such a server can't be stopped.</summary>
public sealed class PostgresServer : IDisposable
{
    private const string Variable = "LEDGER_TEST_POSTGRES";

    private static readonly Lock s_gate = new();
    private static PostgresServer? s_shared;
    private static int s_users;

    private readonly Lock _gate = new();
    private readonly IReadOnlyDictionary<string, string> _environment;
    private readonly string? _given;
    private readonly string _binaries = string.Empty;
    private readonly string _directory = string.Empty;
    private readonly int _port;
    private readonly bool _asRoot = Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows();
    private int _databases;
    private bool _running;
    private bool _disposed;

    /// <summary>Makes and starts a server. Most tests want <see cref="Shared"/>.</summary>
    public PostgresServer()
        : this(new Dictionary<string, string>())
    {
    }

    /// <summary>Makes and starts a server with more in its environment.</summary>
    /// <param name="environment">What more.</param>
    public PostgresServer(IReadOnlyDictionary<string, string> environment)
    {
        _environment = environment;
        _given = Environment.GetEnvironmentVariable(Variable);
        if (!string.IsNullOrWhiteSpace(_given))
        {
            _running = true;
            return;
        }

        _given = null;
        _binaries = FindBinaries()
            ?? throw new InvalidOperationException(
                "These tests need a PostgreSQL server and none was found: neither initdb and pg_ctl in"
                + $" /usr/lib/postgresql/*/bin or on the PATH, nor a connection string in {Variable}."
                + " Install one, for example with: apt-get install postgresql");
        _port = LoopbackPort.Next();
        _directory = Directory.CreateTempSubdirectory("ledger-pg-").FullName;
        Data = Path.Combine(_directory, "data");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Dispose();
        if (_asRoot)
        {
            Run("chown", ["postgres", _directory], asPostgres: false);
        }

        // Only the initial files are not synced, which a crash of the machine may take; the server runs with fsync.
        Run(
            Path.Combine(_binaries, "initdb"),
            ["-D", Data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"],
            asPostgres: true);
        Start();
    }

    /// <summary>The server of this test assembly, started when it is first asked for.</summary>
    public static PostgresServer Shared
    {
        get
        {
            lock (s_gate)
            {
                return s_shared ??= new PostgresServer();
            }
        }
    }

    /// <summary>Whether the server is the tests' own, so that it can be stopped.</summary>
    public bool CanStop => _given is null;

    private string Data { get; set; } = string.Empty;

    /// <summary>Makes an empty database.</summary>
    /// <returns>Its connection string.</returns>
    public string CreateDatabase()
    {
        var name = string.Create(
            CultureInfo.InvariantCulture,
            $"ledger_test_{Environment.ProcessId}_{Interlocked.Increment(ref _databases)}");
        using var connection = new NpgsqlConnection(ConnectionString("postgres", pooling: false));
        connection.Open();
        using (var command = new NpgsqlCommand($"DROP DATABASE IF EXISTS {name} WITH (FORCE)", connection))
        {
            command.ExecuteNonQuery();
        }

        using (var command = new NpgsqlCommand($"CREATE DATABASE {name}", connection))
        {
            command.ExecuteNonQuery();
        }

        return ConnectionString(name, pooling: true);
    }

    /// <summary>Starts the server after <see cref="Stop"/>.</summary>
    public void Start()
    {
        MustBeOwn();
        lock (_gate)
        {
            if (_running)
            {
                return;
            }

            StartAt(Data, _port);
            _running = true;
        }
    }

    // TCP on the loopback interface only, and the socket inside of the directory.
    private void StartAt(string data, int port) => Run(
        Path.Combine(_binaries, "pg_ctl"),
        [
            "-D", data, "-w", "-t", "60", "-l", Path.Combine(_directory, "log"), "-o",
            $"-p {port.ToString(CultureInfo.InvariantCulture)} -c listen_addresses=127.0.0.1"
                + $" -c unix_socket_directories='{_directory}' -c max_connections=400"
                + " -c shared_buffers=64MB",
            "start",
        ],
        asPostgres: true);

    /// <summary>Stops the server, as an operator does: what runs is broken off.</summary>
    /// <param name="immediate">Whether to stop as in a crash, so that the next start recovers.</param>
    public void Stop(bool immediate = false)
    {
        MustBeOwn();
        lock (_gate)
        {
            if (!_running)
            {
                return;
            }

            Run(
                Path.Combine(_binaries, "pg_ctl"),
                ["-D", Data, "-w", "-t", "60", "-m", immediate ? "immediate" : "fast", "stop"],
                asPostgres: true);
            _running = false;
        }
    }

    /// <summary>Takes a copy of the running server, as a replica has it that then lags behind.</summary>
    /// <param name="follows">Whether it is a standby, which goes on following once it is started.</param>
    /// <returns>Where it is.</returns>
    public string Copy(bool follows)
    {
        MustBeOwn();
        var copy = Path.Combine(_directory, "copy-" + Guid.NewGuid().ToString("N"));
        string[] arguments =
        [
            "-h", "127.0.0.1", "-p", _port.ToString(CultureInfo.InvariantCulture), "-U", "postgres", "-D", copy, "-c",
            "fast",
            "-X", "stream", "--no-sync",
        ];
        Run(Path.Combine(_binaries, "pg_basebackup"), follows ? [.. arguments, "-R"] : arguments, asPostgres: true);
        return copy;
    }

    /// <summary>Starts a copy at an address of its own, beside the server.</summary>
    /// <param name="copy">What <see cref="Copy"/> has made.</param>
    /// <returns>Its port.</returns>
    public int StartBeside(string copy)
    {
        var port = LoopbackPort.Next();
        StartAt(copy, port);
        return port;
    }

    /// <summary>Lets a copy that follows take over.</summary>
    public void Promote(string copy) =>
        Run(Path.Combine(_binaries, "pg_ctl"), ["-D", copy, "-w", "promote"], asPostgres: true);

    /// <summary>Stops a copy that was started beside the server.</summary>
    public void StopBeside(string copy) =>
        Run(Path.Combine(_binaries, "pg_ctl"), ["-D", copy, "-w", "-m", "immediate", "stop"], asPostgres: true);

    /// <summary>Puts a copy in the place of the server, at the same address, as a failover does.</summary>
    /// <param name="copy">What <see cref="Copy"/> has made.</param>
    /// <param name="catchesUp">Whether it gets everything from the old server before, and is promoted; it must be one
    /// that follows.</param>
    public void FailOverTo(string copy, bool catchesUp)
    {
        if (catchesUp)
        {
            // Started beside the old one, which sends it the rest before it stops in good order.
            var beside = LoopbackPort.Next();
            StartAt(copy, beside);
            using (var standby = new NpgsqlConnection(
                $"Host=127.0.0.1;Port={beside.ToString(CultureInfo.InvariantCulture)};Username=postgres;"
                + "Database=postgres;Pooling=False"))
            {
                standby.Open();
                using var command = new NpgsqlCommand("SELECT count(*) FROM pg_stat_wal_receiver WHERE status = "
                    + "'streaming'", standby);
                while (command.ExecuteScalar() is not 1L)
                {
                    Thread.Sleep(20);
                }
            }

            Stop();
            Run(Path.Combine(_binaries, "pg_ctl"), ["-D", copy, "-w", "-m", "fast", "stop"], asPostgres: true);
        }
        else
        {
            Stop(immediate: true);
        }

        Data = copy;
        Start();
        if (catchesUp)
        {
            Run(Path.Combine(_binaries, "pg_ctl"), ["-D", copy, "-w", "promote"], asPostgres: true);
        }
    }

    /// <summary>Stops and starts the server.</summary>
    /// <param name="immediate">Whether to stop as in a crash.</param>
    public void Restart(bool immediate = false)
    {
        Stop(immediate);
        Start();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed || _given is not null)
            {
                return;
            }

            _disposed = true;
            try
            {
                Stop(immediate: true);
            }
            finally
            {
                try
                {
                    Directory.Delete(_directory, recursive: true);
                }
                catch (IOException)
                {
                    // A temporary directory that stays is no reason to fail.
                }
            }
        }
    }

    /// <summary>Says that somebody is about to use <see cref="Shared"/>.</summary>
    internal static void UseShared()
    {
        lock (s_gate)
        {
            s_users++;
        }
    }

    /// <summary>Says that somebody uses <see cref="Shared"/> no more; after the last the server goes.</summary>
    internal static void LeaveShared()
    {
        lock (s_gate)
        {
            if (--s_users == 0)
            {
                s_shared?.Dispose();
                s_shared = null;
            }
        }
    }

    /// <summary>Where the server's programs are; null for nowhere.</summary>
    public static string? FindBinaries()
    {
        var candidates = new List<string>();
        const string debian = "/usr/lib/postgresql";
        if (Directory.Exists(debian))
        {
            candidates.AddRange(Directory.GetDirectories(debian)
                .OrderByDescending(d => double.TryParse(
                    Path.GetFileName(d), CultureInfo.InvariantCulture, out var version) ? version : 0)
                .Select(d => Path.Combine(d, "bin")));
        }

        candidates.AddRange((Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator));
        var suffix = OperatingSystem.IsWindows() ? ".exe" : string.Empty;
        return candidates.Find(d => d.Length > 0
                && File.Exists(Path.Combine(d, "initdb" + suffix))
                && File.Exists(Path.Combine(d, "pg_ctl" + suffix)));
    }

    private string ConnectionString(string database, bool pooling)
    {
        var builder = _given is not null
            ? new NpgsqlConnectionStringBuilder(_given)
            : new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = _port, Username = "postgres" };
        builder.Database = database;
        if (!pooling)
        {
            builder.Pooling = false;
        }

        return builder.ToString();
    }

    private void MustBeOwn()
    {
        if (!CanStop)
        {
            throw new InvalidOperationException($"The server named by {Variable} is not the tests' to start or stop.");
        }
    }

    private void Run(string program, string[] arguments, bool asPostgres)
    {
        // The server refuses to run as root.
        var start = new ProcessStartInfo
        {
            FileName = asPostgres && _asRoot ? "runuser" : program,
            WorkingDirectory = _directory.Length > 0 ? _directory : Path.GetTempPath(),
            RedirectStandardOutput = false,
            RedirectStandardError = false,
        };
        if (asPostgres && _asRoot)
        {
            foreach (var argument in (string[])["-u", "postgres", "--", program])
            {
                start.ArgumentList.Add(argument);
            }
        }

        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }

        // Not redirected through pipes: the server would inherit them and they would never end.
        using var process = Process.Start(start)
            ?? throw new InvalidOperationException($"{program} did not start.");
        if (!process.WaitForExit(TimeSpan.FromSeconds(90)))
        {
            process.Kill();
            throw new InvalidOperationException($"{program} did not end.");
        }

        if (process.ExitCode != 0)
        {
            var log = Path.Combine(_directory, "log");
            throw new InvalidOperationException(
                $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}."
                + (File.Exists(log) ? Environment.NewLine + File.ReadAllText(log) : string.Empty));
        }
    }
}
