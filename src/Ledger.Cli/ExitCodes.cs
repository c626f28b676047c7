namespace Ledger.Cli;

/// <summary>What the exit code tells a script. Part of the promise of the command line.</summary>
internal static class ExitCodes
{
    public const int Applied = 0;
    public const int Defect = 1;
    public const int Usage = 2;
    public const int Rejected = 3;
    public const int Unknown = 4;
    public const int Unreachable = 5;

    public const string Help =
        """
        Exit codes:
          0  applied, or answered; a transfer or account that exists already, with the same content, counts as applied
          1  a defect of this program
          2  usage: the command line or the input file is not valid; nothing was sent
          3  rejected: the ledger refused, or there is no such account, transfer or transaction; this request changed nothing
          4  outcome unknown: it may or may not have been applied; the same command with the same id is safe
          5  unreachable: no node could be reached, had room, or answered a read; nothing was changed
        """;
}
