@echo off
rem Opens the studio in the browser. Closing this window ends it.
"%~dp0python\python.exe" -P -m unweave studio
if errorlevel 1 pause
