using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Event;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Level = Microsoft.Extensions.Logging.LogLevel;

namespace Ledger.Actors.Tests;

/// <summary>What the ledger's actor system logs is one line of the application's log.</summary>
public sealed class HostLoggerTests
{
    [Fact]
    public async Task A_line_has_the_category_of_its_class_and_no_time_of_its_own()
    {
        var directory = Directory.CreateTempSubdirectory("ledger-log-");
        try
        {
            var lines = new ConcurrentQueue<(string Category, Level Level, string Text)>();
            var builder = Host.CreateEmptyApplicationBuilder(null);
            builder.Logging.AddProvider(new Provider(lines));
            builder.Services.AddLedger(options => options.UseSqlite(Path.Combine(directory.FullName, "ledger.db")));
            using var host = builder.Build();
            await host.StartAsync();
            Logging.GetLogger(host.Services.GetRequiredService<ActorSystem>(), typeof(HostLoggerTests))
                .Warning("Told {0} times", 2);
            while (!lines.Any(static line => line.Text.Contains("Told", StringComparison.Ordinal)))
            {
                await Task.Yield();
            }

            host.Services.GetRequiredService<ActorSystem>().Settings.Config
                .GetBoolean("akka.coordinated-shutdown.run-by-clr-shutdown-hook")
                .ShouldBeFalse("the host stops the actors, after the calls that need them");
            await host.StopAsync();
            lines.ShouldContain((typeof(HostLoggerTests).FullName!, Level.Warning, "Told 2 times"));
            lines.Where(static line => line.Text.Contains("[INFO]", StringComparison.Ordinal)).ShouldBeEmpty();
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("Cluster(akka://ledger)", "Akka.Cluster")]
    [InlineData("remoting (akka://ledger)", "Akka.Remoting")]
    [InlineData("", "Akka")]
    public void What_has_only_a_name_as_its_source_has_a_category_too(string source, string expected) =>
        HostLogger.CategoryOf(typeof(DummyClassForStringSources), source).ShouldBe(expected);

    [Theory]
    [InlineData("Cluster Node [x] - No seed-nodes configured, manual cluster join required", Level.Debug)]
    [InlineData("account: No coordinator found to register. Probably, no seed-nodes configured", Level.Debug)]
    [InlineData("account: Trying to register to coordinator at [x], but no acknowledgement.", Level.Debug)]
    [InlineData("Something else", Level.Warning)]
    public void What_is_said_at_every_start_is_no_warning(string text, Level expected) =>
        HostLogger.LevelOf(Akka.Event.LogLevel.WarningLevel, text).ShouldBe(expected);

    private sealed class Provider(ConcurrentQueue<(string Category, Level Level, string Text)> lines) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => new Logger(categoryName, lines);

        public void Dispose()
        {
        }
    }

    private sealed class Logger(string category, ConcurrentQueue<(string Category, Level Level, string Text)> lines)
        : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(Level logLevel) => true;

        public void Log<TState>(
            Level logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            lines.Enqueue((category, logLevel, formatter(state, exception)));
    }
}
