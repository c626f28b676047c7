namespace Ledger;

/// <summary>The names under which a ledger can be observed, by OpenTelemetry or any other listener.</summary>
public static class LedgerTelemetry
{
    /// <summary>The name of the meter: <c>AddMeter(LedgerTelemetry.MeterName)</c> listens to all instruments of the
    /// ledger. There is one meter for each actor system.</summary>
    public const string MeterName = "Ledger";

    /// <summary>The name of the activity source. It is reserved: the ledger makes no activities yet.</summary>
    public const string ActivitySourceName = "Ledger";
}
