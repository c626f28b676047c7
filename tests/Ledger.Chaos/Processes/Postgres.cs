using System.Diagnostics;
using System.Globalization;
using System.Net;
using Ledger.Tests.Shared;
using Npgsql;

namespace Ledger.Chaos.Processes;

/// <summary>A PostgreSQL server of the run's own, with durability left on, whose processes can be killed and stopped
/// one by one. Where the run may mount file systems, the database lies on one whose size can be changed. It can be
/// given a standby, and lose its place to it.</summary>
internal sealed class Postgres : IAsyncDisposable
{
    private const string DatabaseName = "ledger";
    private static readonly TimeSpan ReapPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CommandPatience = TimeSpan.FromSeconds(90);

    private readonly Reaper _reaper;
    private readonly string _binaries;
    private readonly string _directory;
    private readonly bool _asRoot = Environment.IsPrivilegedProcess;
    private readonly int[] _ports;
    private bool _ownSpace;
    private Place _primary;
    private Place? _standby;
    private Place? _former;
    private Place? _copy;

    private Postgres(Reaper reaper, string directory, int[] ports)
    {
        _ports = ports;
        _primary = new Place(0, directory, ports[0]);
        _reaper = reaper;
        _directory = directory;
        _binaries = PostgresServer.FindBinaries()
            ?? throw new InvalidOperationException(
                "No PostgreSQL server was found: neither in /usr/lib/postgresql/*/bin nor on the PATH."
                + " Install one, for example with: apt-get install postgresql");
    }

    /// <summary>Where the one is that takes writes.</summary>
    public IPEndPoint EndPoint => new(IPAddress.Loopback, _primary.Port);

    /// <summary>Connects directly, without a proxy.</summary>
    public string ConnectionString => Connection(EndPoint, DatabaseName);

    /// <summary>Why the disk can't be filled; null when it can.</summary>
    public string? NoSpaceFault { get; private set; } = "not prepared";

    private string Data => _primary.Data;

    private string Space => _primary.Space;

    public static async Task<Postgres> StartNewAsync(
        Reaper reaper, string directory, int[] ports, bool ownSpace, CancellationToken cancellationToken)
    {
        var server = new Postgres(reaper, directory, ports);
        await server.PrepareAsync(ownSpace, cancellationToken);
        return server;
    }

    /// <summary>A connection string for a node, by way of its proxy.</summary>
    public string ConnectionThrough(IPEndPoint proxy) =>
        Connection(proxy, DatabaseName) + ";SSL Mode=Disable;GSS Encryption Mode=Disable";

    public Task StartAsync() => StartAsync(_primary);

    private async Task StartAsync(Place place)
    {
        var options = string.Create(
            CultureInfo.InvariantCulture,
            $"-p {place.Port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{_directory}' -c "
                + $"max_connections=200")
            + " -c shared_buffers=64MB -c fsync=on -c client_connection_check_interval=1000";
        var log = Path.Combine(_directory, "log");
        try
        {
            await RunAsync(
                "pg_ctl", ["-D", place.Data, "-w", "-t", "60", "-l", log, "-o", options, "start"],
                CancellationToken.None);
        }
        catch (InvalidOperationException e) when (File.Exists(log))
        {
            throw new InvalidOperationException(
                e.Message + Environment.NewLine + string.Join(Environment.NewLine, File.ReadLines(log).TakeLast(10)),
                e);
        }

        // Not broken off before this: nobody else would end the server.
        _reaper.Watch(place.Postmaster);
    }

    /// <summary>Makes a streaming standby, and has every commit wait for it from now on.</summary>
    public async Task AddStandbyAsync(CancellationToken cancellationToken)
    {
        var place = NextPlace();
        _standby = place;
        await CopyAsync(place, ["-R"], cancellationToken);
        await StartAsync(place);
        await SetSynchronousAsync("*", cancellationToken);
        var waiting = Stopwatch.StartNew();
        while (await ScalarAsync(
            "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", cancellationToken) is not > 0L)
        {
            if (waiting.Elapsed > CommandPatience)
            {
                throw new TimeoutException("The standby does not stream.");
            }

            await Task.Delay(50, cancellationToken);
        }

        // It is the checkpointer that tells all others of the new setting, before it does this.
        await ScalarAsync("CHECKPOINT", cancellationToken);
    }

    /// <summary>Takes a copy of the server as it is now, which gets nothing of what comes after.</summary>
    public Task CopyAsync(CancellationToken cancellationToken)
    {
        _copy = NextPlace();
        return CopyAsync(_copy, [], cancellationToken);
    }

    /// <summary>The copy takes the place of the server, which must be dead; or the other way round.</summary>
    public async Task ExchangeAsync()
    {
        var place = _copy ?? throw new InvalidOperationException("There is no copy.");
        await StartAsync(place);
        (_primary, _copy) = (place, _primary);
    }

    /// <summary>Removes the copy, however far it came, and has the server itself in its place again.</summary>
    /// <param name="server">Where the server itself is.</param>
    public async Task RemoveCopyAsync(IPEndPoint server)
    {
        if (_copy is not { } place)
        {
            return;
        }

        if (!Equals(EndPoint, server))
        {
            (_primary, place) = (place, _primary);
        }

        _copy = null;
        await RemoveAsync(place);
    }

    /// <summary>Runs a statement in the ledger's database.</summary>
    public async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false");
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Reads one value from the ledger's database.</summary>
    public async Task<object?> ReadAsync(string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false");
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(cancellationToken);
    }

    /// <summary>The standby takes the place of the primary, which must be dead.</summary>
    public async Task FailOverAsync()
    {
        var place = _standby ?? throw new InvalidOperationException("There is no standby.");
        await RunAsync("pg_ctl", ["-D", place.Data, "-w", "-t", "60", "promote"], CancellationToken.None);
        (_former, _primary, _standby) = (_primary, place, null);
    }

    /// <summary>Stops or continues every process of the standby.</summary>
    public void SignalStandby(int signal) => _standby?.Signal(signal);

    /// <summary>Removes what the dead primary has left.</summary>
    public async Task RemoveFormerAsync()
    {
        if (_former is { } former)
        {
            _former = null;
            await RemoveAsync(former);
        }
    }

    /// <summary>Undoes <see cref="AddStandbyAsync"/>, however far it came.</summary>
    public async Task DropStandbyAsync()
    {
        if (_standby is not { } place)
        {
            return;
        }

        await SetSynchronousAsync("", CancellationToken.None);
        _standby = null;
        await RemoveAsync(place);
    }

    /// <summary>Stops the server: as in a crash, or as an operator does in a hurry.</summary>
    public Task StopAsync(bool immediate, CancellationToken cancellationToken) =>
        StopAsync(_primary, immediate, cancellationToken);

    private Task StopAsync(Place place, bool immediate, CancellationToken cancellationToken) => RunAsync(
        "pg_ctl", ["-D", place.Data, "-w", "-t", "60", "-m", immediate ? "immediate" : "fast", "stop"],
        cancellationToken);

    /// <summary>SIGKILL of the whole server, and waits until all of it is gone.</summary>
    public async Task KillAsync(CancellationToken cancellationToken)
    {
        var all = _primary.Freeze();
        all.ForEach(static process => Signals.Send(process, Signals.Kill));
        while (all.Exists(Signals.IsAlive))
        {
            await Task.Delay(20, cancellationToken);
        }

        // A process is dead before whoever inherited it has taken notice, and a server does not start while the number
        // in the lock file still means one.
        for (var waiting = Stopwatch.StartNew(); Signals.Exists(all[0]); await Task.Delay(20, cancellationToken))
        {
            if (waiting.Elapsed > ReapPatience)
            {
                _primary.Unlock();
                return;
            }
        }
    }

    /// <summary>Stops or continues every process of the server.</summary>
    public void SignalAll(int signal) => _primary.Signal(signal);

    public bool IsRunning => _primary.IsRunning;

    /// <summary>The server processes of the nodes' connections.</summary>
    public async Task<List<int>> BackendsAsync(CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false");
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER "
                + "BY pid",
            connection);
        var backends = new List<int>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            backends.Add(reader.GetInt32(0));
        }

        return backends;
    }

    /// <summary>Ends connections from within, as an operator or a fail-over tool does.</summary>
    public async Task TerminateAsync(IEnumerable<int> backends, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false");
        await connection.OpenAsync(cancellationToken);
        foreach (var backend in backends)
        {
            await using var command = new NpgsqlCommand("SELECT pg_terminate_backend($1)", connection)
            {
                Parameters = { new NpgsqlParameter<int> { TypedValue = backend } },
            };
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Leaves the database no room to grow.</summary>
    public async Task FillAsync(CancellationToken cancellationToken)
    {
        var used = new DriveInfo(Space) is var drive ? drive.TotalSize - drive.AvailableFreeSpace : 0;
        await RunAsync(
            "mount", ["-o", $"remount,size={used.ToString(CultureInfo.InvariantCulture)}", Space], cancellationToken);
    }

    /// <summary>Gives it room again.</summary>
    public Task MakeRoomAsync(CancellationToken cancellationToken) =>
        RunAsync("mount", ["-o", "remount,size=4g", Space], cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await EndAsync(_primary);
        if (_standby is { } standby)
        {
            await RemoveAsync(standby);
        }

        if (_copy is { } copy)
        {
            await RemoveAsync(copy);
        }
    }

    private Place NextPlace() => new(_primary.Number + 1, _directory, _ports[(_primary.Number + 1) % _ports.Length]);

    private async Task CopyAsync(Place place, string[] options, CancellationToken cancellationToken)
    {
        string[] mapping = [];
        if (_ownSpace)
        {
            await MountAsync(place.Space, cancellationToken);
            mapping = ["-T", $"{Space}={place.Space}"];
        }

        await RunAsync(
            "pg_basebackup",
            [
                "-h", "127.0.0.1", "-p", EndPoint.Port.ToString(CultureInfo.InvariantCulture), "-U", "postgres", "-D",
                place.Data,
                "-X", "stream", "-c", "fast", "--no-sync", .. options, .. mapping,
            ],
            cancellationToken);
    }

    private static string Connection(IPEndPoint server, string database) => new NpgsqlConnectionStringBuilder
    {
        Host = server.Address.ToString(),
        Port = server.Port,
        Username = "postgres",
        Database = database,
    }.ToString();

    // The commits that wait for a standby go on at once when none is asked for any more.
    private async Task SetSynchronousAsync(string names, CancellationToken cancellationToken)
    {
        await ScalarAsync($"ALTER SYSTEM SET synchronous_standby_names = '{names}'", cancellationToken);
        await ScalarAsync("SELECT pg_reload_conf()", cancellationToken);
    }

    private async Task<object?> ScalarAsync(string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(Connection(EndPoint, "postgres") + ";Pooling=false");
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(cancellationToken);
    }

    // Also one that is stopped by SIGSTOP.
    private async Task EndAsync(Place place)
    {
        if (place.IsRunning)
        {
            place.Signal(Signals.Continue);
            await StopAsync(place, immediate: true, CancellationToken.None);
        }
    }

    private async Task RemoveAsync(Place place)
    {
        await EndAsync(place);

        // What can't be removed is the reaper's.
        try
        {
            if (Directory.Exists(place.Data))
            {
                Directory.Delete(place.Data, recursive: true);
            }

            if (_ownSpace && Directory.Exists(place.Space))
            {
                await RunAsync("umount", [place.Space], CancellationToken.None);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            await File.AppendAllTextAsync(Path.Combine(_directory, "commands.log"), e + Environment.NewLine);
        }
    }

    private async Task MountAsync(string space, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(space);
        await RunAsync("mount", ["-t", "tmpfs", "-o", "size=4g", "tmpfs", space], cancellationToken);
        _reaper.WatchMount(space);
        await RunAsync("chown", ["postgres", space], cancellationToken);
        await RunAsync("chmod", ["700", space], cancellationToken);
    }

    private async Task PrepareAsync(bool ownSpace, CancellationToken cancellationToken)
    {
        _reaper.WatchDirectory(_directory);
        if (_asRoot)
        {
            await RunAsync("chown", ["postgres", _directory], cancellationToken);
        }

        await RunAsync(
            "initdb",
            ["-D", Data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"],
            cancellationToken);
        await PrepareSpaceAsync(ownSpace, cancellationToken);
        await StartAsync();
        await using var connection = new NpgsqlConnection(Connection(EndPoint, "postgres") + ";Pooling=false");
        await connection.OpenAsync(cancellationToken);
        if (_ownSpace)
        {
            await using var space = new NpgsqlCommand($"CREATE TABLESPACE ledger_space LOCATION '{Space}'", connection);
            await space.ExecuteNonQueryAsync(cancellationToken);
        }

        await using var command = new NpgsqlCommand(
            $"CREATE DATABASE {DatabaseName}" + (_ownSpace ? " TABLESPACE ledger_space" : string.Empty), connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task PrepareSpaceAsync(bool ownSpace, CancellationToken cancellationToken)
    {
        if (!ownSpace)
        {
            NoSpaceFault = "not asked for";
            return;
        }

        if (!_asRoot)
        {
            NoSpaceFault = "mounting a file system takes root";
            return;
        }

        try
        {
            await MountAsync(Space, cancellationToken);
        }
        catch (InvalidOperationException e)
        {
            NoSpaceFault = "a file system can't be mounted here: " + e.Message;
            return;
        }

        NoSpaceFault = null;
        _ownSpace = true;
    }

    private async Task RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        var own = program is "initdb" or "pg_ctl" or "pg_basebackup";
        var path = own ? Path.Combine(_binaries, program) : program;

        // The server refuses to run as root.
        string[] all = own && _asRoot ? ["runuser", "-u", "postgres", "--", path, .. arguments] : [path, .. arguments];
        var output = Path.Combine(_directory, "commands.log");
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = _directory, UseShellExecute = false };

        // Not through pipes: the server would inherit them and they would never end. In a session of its own, so that
        // what a terminal sends to the driver does not stop the server.
        foreach (var argument in (string[])["-c", "exec setsid -w \"$@\" >>\"$0\" 2>&1 </dev/null", output, .. all])
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(CommandPatience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException e)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
            cancellationToken.ThrowIfCancellationRequested();
            throw new TimeoutException(
                $"{program} {string.Join(' ', arguments)} did not end within {CommandPatience.TotalSeconds} s.", e);
        }

        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException(
                $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}."
                + Environment.NewLine + string.Join(Environment.NewLine, File.ReadLines(output).TakeLast(20)));
        }
    }

    // One server: where its files are, and where it listens.
    private sealed record Place(int Number, string Root, int Port)
    {
        public string Data { get; } = Path.Combine(Root, FormattableString.Invariant($"data{Number}"));

        public string Space { get; } = Path.Combine(Root, FormattableString.Invariant($"space{Number}"));

        private string PidFile => Path.Combine(Data, "postmaster.pid");

        public int Postmaster => int.Parse(File.ReadLines(PidFile).First(), CultureInfo.InvariantCulture);

        public bool IsRunning => File.Exists(PidFile) && Signals.IsAlive(Postmaster);

        private List<int> Processes()
        {
            var postmaster = Postmaster;
            return [postmaster, .. Signals.ChildrenOf(postmaster)];
        }

        /// <summary>Removes the lock file of a server that is dead.</summary>
        public void Unlock() => File.Delete(PidFile);

        /// <summary>Stops the postmaster; all processes that there are then, since no more come. One that came between
        /// the list and a SIGKILL would live on, with the server's shared memory, and no server could start.</summary>
        public List<int> Freeze()
        {
            Signals.Send(Postmaster, Signals.Stop);
            return Processes();
        }

        public void Signal(int signal) =>
            (signal == Signals.Stop ? Freeze() : Processes()).ForEach(process => Signals.Send(process, signal));
    }
}
