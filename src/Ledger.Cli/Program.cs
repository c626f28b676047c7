using System.Text;
using Ledger.Cli;

// Without a byte order mark: the output is read by programs too.
Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
return await LedgerCli.RunAsync(args, Console.Out, Console.Error);
