// Compiled only until WithLedger(...) and the storage packages are there; see the project file.
namespace Ledger.Actors
{
    internal static class StubLedger
    {
        public static void WithLedger(this Akka.Hosting.AkkaConfigurationBuilder builder, Action<LedgerOptions> configure) =>
            throw new NotSupportedException();
    }
}

namespace Ledger.Sqlite
{
    internal static class StubSqlite
    {
        public static void UseSqlite(this Ledger.Actors.LedgerOptions options, string path) => throw new NotSupportedException();
    }
}

namespace Ledger.PostgreSql
{
    internal static class StubPostgreSql
    {
        public static void UsePostgreSql(this Ledger.Actors.LedgerOptions options, string connectionString) =>
            throw new NotSupportedException();
    }
}
