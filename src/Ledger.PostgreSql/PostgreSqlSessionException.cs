using Npgsql;

namespace Ledger.PostgreSql;

/// <summary>A session was opened, and is not one that the ledger can work in. The message is for people.</summary>
internal sealed class PostgreSqlSessionException(string message) : NpgsqlException(message);
