using System.Runtime.CompilerServices;

namespace Ledger.Tests.Shared;

internal static class TestEnvironment
{
    // Hosts of many tests would exhaust the machine's file watches, and nothing here reloads.
    [ModuleInitializer]
    public static void Prepare() =>
        Environment.SetEnvironmentVariable("DOTNET_HOSTBUILDER__RELOADCONFIGONCHANGE", "false");
}
