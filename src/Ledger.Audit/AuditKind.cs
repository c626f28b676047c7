namespace Ledger.Audit;

/// <summary>What a record of the audit log is about. A file writes the names as in
/// <see cref="AuditKindNames"/>.</summary>
public enum AuditKind
{
    /// <summary>A process began to write, or a file was begun. Its outcome says why.</summary>
    Opened = 1,

    /// <summary>A process ended in good order.</summary>
    Closed = 2,

    /// <summary>Records were thrown away, since too many waited.</summary>
    Dropped = 3,

    /// <summary>A caller did not say who it is, or what it has shown was not taken.</summary>
    AuthenticationFailed = 16,

    /// <summary>A caller was not allowed what it asked for.</summary>
    Denied = 17,

    /// <summary>A caller was refused, since it is blocked.</summary>
    Blocked = 18,

    /// <summary>Keys of one id are not looked at any more from one address, for a while.</summary>
    KeyLocked = 19,

    /// <summary>An operator called AdminService.</summary>
    AdminCall = 32,

    /// <summary>An account was frozen, unfrozen, closed or reopened, or its limits were set.</summary>
    Change = 33,

    /// <summary>A policy came into force.</summary>
    PolicyLoaded = 48,

    /// <summary>A changed policy can't be used; the one before it stays in force.</summary>
    PolicyRefused = 49,

    /// <summary>Certificates came into force.</summary>
    CertificatesLoaded = 50,

    /// <summary>Changed certificates can't be used; those before them stay in force.</summary>
    CertificatesRefused = 51,

    /// <summary>Somebody was blocked.</summary>
    BlockAdded = 64,

    /// <summary>Somebody is not blocked any more.</summary>
    BlockRemoved = 65,
}
